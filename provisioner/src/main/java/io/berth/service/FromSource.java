package io.berth.service;

import io.berth.copy.Progress;
import io.berth.fault.Fault;
import io.berth.pool.ClaimedSource;
import io.berth.pool.Copies;
import io.berth.pool.Pool;
import io.berth.pool.Pools;
import io.berth.pool.VolumeLocks;
import io.berth.volume.CapacityRange;
import io.berth.volume.FileSystemType;
import io.berth.volume.Format;
import io.berth.volume.PathTemplate;
import io.berth.volume.Source;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;

/** Makes volumes that begin as a copy: clones of volumes and restored snapshots. Thread-safe. */
final class FromSource {
    private final Pools pools;
    private final Volumes volumes;
    private final Clock clock;

    FromSource(Pools pools, Volumes volumes, Clock clock) {
        this.pools = pools;
        this.volumes = volumes;
        this.clock = clock;
    }

    /** See {@link Volumes#create(Volumes.Wanted, Duration)}; where no pool is named, it is the source's. */
    Volume create(Volumes.Wanted wanted, Source of, Duration patience) {
        Pool pool = volumes.pool(
                wanted, wanted.parameters().pool().or(() -> Optional.of(of.id().pool())));
        VolumeId id = VolumeId.of(pool.config().name(), wanted.name());
        Copies copies = pools.copies();
        Optional<Copies.Copy> underWay = copies.find(id);
        if (underWay.isEmpty() && pool.volumes().find(id).isPresent()) {
            try (VolumeLocks.Held lock = pool.volumes().lock(id)) { // whoever makes it has come to an end
                Optional<Volume> there = pool.volumes().find(id);
                if (there.isPresent()) {
                    Volume same = VolumePlan.requireSame(there.get(), wanted, false);
                    pool.volumes().confirm(id);
                    return same;
                }
            }
        }
        Copies.Copy copy = underWay.orElseGet(() -> copies.start(
                id,
                wanted.parameters().strings().getOrDefault(PathTemplate.PVC_NAMESPACE, ""),
                pool.volumes().watch(),
                progress -> copy(pool, id, of, wanted, progress)));
        if (!copy.await(patience)) {
            throw new Fault(
                    Fault.Kind.BUSY,
                    "the copy of " + of + " to " + id.described() + " is under way: " + copy.progress());
        }
        return VolumePlan.requireSame(
                pool.volumes().find(id).orElseThrow(() -> Volumes.noSuch(id.toString())), wanted, false);
    }

    private Copies.Work copy(Pool pool, VolumeId id, Source of, Volumes.Wanted wanted, Progress progress) {
        ClaimedSource source = claim(of);
        try {
            Volumes.Wanted fitting = fit(wanted, source);
            VolumeLocks.Held lock = pool.volumes().lock(id);
            return new Copies.Work() {
                @Override
                public void run() {
                    if (pool.volumes().findSettled(id).isPresent()) {
                        pool.volumes().confirm(id);
                    } else {
                        pools.requireFewCrashes(pool, id);
                        pool.volumes()
                                .create(VolumePlan.of(pool, id, fitting, false, clock.instant()), source, progress);
                    }
                }

                @Override
                public void close() {
                    lock.close();
                    source.close();
                }
            };
        } catch (RuntimeException | Error e) {
            source.close();
            throw e;
        }
    }

    private ClaimedSource claim(Source source) {
        Pool pool = pools.find(source.id().pool())
                .orElseThrow(() -> new Fault(Fault.Kind.NOT_FOUND, "there is no " + source));
        return switch (source) {
            case Source.OfVolume of -> pool.volumes().claim(of.id());
            case Source.OfSnapshot of -> pool.snapshots().claim(of.id());
        };
    }

    /**
     * What is wanted, with what follows from the source: the format, a size that is never less, and where nothing is said,
     * the owner.
     *
     * @throws Fault OUT_OF_RANGE when it must be smaller than the source, INVALID_ARGUMENT when it cannot be a copy of it
     */
    private static Volumes.Wanted fit(Volumes.Wanted wanted, ClaimedSource source) {
        CapacityRange asked = wanted.capacity();
        long bytes = Math.max(asked.requiredBytes(), source.capacityBytes());
        if (!asked.contains(bytes)) {
            throw new Fault(
                    Fault.Kind.OUT_OF_RANGE,
                    "capacity_range: limit_bytes " + asked.limitBytes() + " is less than the " + source.capacityBytes()
                            + " bytes of " + source.id().described() + "; a copy is as large or larger");
        }
        VolumeParameters parameters = wanted.parameters();
        Format format = source.format();
        if (parameters.format().filter(name -> name != format.name()).isPresent()) {
            throw Fault.invalid(
                    VolumeParameters.FORMAT,
                    parameters.format().get().toString(),
                    source.id().described() + " is of format " + format.name() + ", and so is a copy of it");
        }
        return switch (format) {
            case Format.Directory directory -> {
                if (wanted.block()) {
                    throw Fault.invalid(
                            "volume_capability access_type",
                            "block",
                            source.id().described() + " is a directory, a copy of it is mounted");
                }
                yield new Volumes.Wanted(
                        wanted.name(),
                        new CapacityRange(bytes, wanted.capacity().limitBytes()),
                        parameters.ofCopy(format.name(), source.ownership()),
                        wanted.multiNode(),
                        false,
                        Optional.empty(),
                        wanted.source());
            }
            case Format.Image image -> {
                Optional<FileSystemType> fileSystem =
                        parameters.with(wanted.fsType()).fileSystem();
                if (wanted.block() != image.fileSystem().isEmpty()
                        || fileSystem
                                .filter(type -> !image.fileSystem().equals(Optional.of(type)))
                                .isPresent()) {
                    throw Fault.invalid(
                            "volume_capability access_type",
                            wanted.block()
                                    ? "block"
                                    : "mount "
                                            + fileSystem.map(Object::toString).orElse(""),
                            source.id().described() + " holds "
                                    + image.fileSystem().map(Object::toString).orElse("raw blocks")
                                    + ", and so does a copy of it");
                }
                yield new Volumes.Wanted(
                        wanted.name(),
                        new CapacityRange(bytes, wanted.capacity().limitBytes()),
                        parameters.ofCopy(format.name(), source.ownership()),
                        wanted.multiNode(),
                        wanted.block(),
                        image.fileSystem().map(FileSystemType::toString),
                        wanted.source());
            }
        };
    }
}
