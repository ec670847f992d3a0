package io.berth.service;

import io.berth.catalog.ArchiveName;
import io.berth.catalog.Catalog;
import io.berth.fault.Fault;
import io.berth.pool.Pool;
import io.berth.volume.CapacityRange;
import io.berth.volume.FileSystemType;
import io.berth.volume.Format;
import io.berth.volume.FormatName;
import io.berth.volume.OnDelete;
import io.berth.volume.Ownership;
import io.berth.volume.PathTemplate;
import io.berth.volume.Volume;
import io.berth.volume.VolumeId;
import io.berth.volume.VolumeParameters;
import io.berth.volume.VolumePath;
import java.time.Instant;
import java.util.Optional;

/** What a volume that is asked for will be, and whether one that is there is it. Nothing here changes anything. */
final class VolumePlan {
    private VolumePlan() {}

    /**
     * The volume to be made.
     *
     * @throws Fault ALREADY_EXISTS when something lies at its path that it may not be made of, FAILED_PRECONDITION when
     *     another namespace left that there, INVALID_ARGUMENT when the pool cannot give what is asked
     */
    static Volume of(Pool pool, VolumeId id, Volumes.Wanted wanted, boolean ephemeral, Instant now) {
        VolumeParameters parameters = wanted.parameters();
        VolumePath path =
                parameters.path().map(p -> notReserved(pool, p, parameters)).orElse(VolumePath.of(id));
        requireNoOthers(pool, id, path, parameters);
        boolean exists = pool.folder().at(path).isPresent();
        if (exists
                && (parameters.onDelete() != OnDelete.RETAIN || wanted.source().isPresent())) {
            throw new Fault(
                    Fault.Kind.ALREADY_EXISTS,
                    "volume " + id + ": its path " + pool.config().root().resolve(path.toPath())
                            + " is there already, and is no volume's; remove it if nobody needs it, or "
                            + (wanted.source().isPresent()
                                    ? "give the copy a path of its own"
                                    : "with onDelete=retain it is taken as it is, and never deleted"));
        }
        if (exists) {
            requireNobodyElses(pool, id, path, parameters);
        }
        Format format = format(pool, wanted, exists);
        return new Volume(
                id,
                wanted.name(),
                path,
                format,
                format.capacity(fitting(pool, format, wanted.capacity())),
                now,
                parameters.onDelete(),
                parameters.ownership(),
                exists,
                ephemeral,
                wanted.source(),
                parameters.strings());
    }

    /** The folders of two volumes are never the same, nor one in the other. */
    private static void requireNoOthers(Pool pool, VolumeId id, VolumePath path, VolumeParameters parameters) {
        if (parameters.path().isEmpty()) {
            return;
        }
        Catalog catalog = pool.volumes().catalog();
        catalog.holder(path).filter(other -> !other.equals(id)).ifPresent(other -> {
            Fault why = parameters.invalidPath(
                    path,
                    "volume " + other
                            + " lies there, above or below; a path with ${pv.metadata.name} in it is different"
                            + " for every volume, or delete " + other + " first");
            throw new Fault(Fault.Kind.ALREADY_EXISTS, "volume " + id + ": " + why.getMessage());
        });
    }

    /** What a namespace left behind is no other's, though a template gave both the same path. */
    private static void requireNobodyElses(Pool pool, VolumeId id, VolumePath path, VolumeParameters parameters) {
        Optional<String> namespace = Optional.ofNullable(parameters.strings().get(PathTemplate.PVC_NAMESPACE));
        pool.volumes().archives().leftByAnother(path, namespace).ifPresent(left -> {
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "volume " + id + ": its path " + pool.config().root().resolve(path.toPath())
                            + " has the data that volume " + left.id() + " of namespace "
                            + Fault.quote(left.parameters().getOrDefault(PathTemplate.PVC_NAMESPACE, ""))
                            + " left, so no other namespace gets it; choose another path, or give it away by removing"
                            + " .berth/archived/" + ArchiveName.of(left) + ".json of the pool");
        });
    }

    private static Format format(Pool pool, Volumes.Wanted wanted, boolean adopted) {
        boolean directory = wanted.parameters()
                .format()
                .filter(FormatName.DIRECTORY::equals)
                .isPresent();
        if (wanted.block() && (adopted || directory)) {
            throw Fault.invalid(
                    "volume_capability access_type",
                    "block",
                    "the volume is a directory, which is mounted; ask for mount");
        }
        if (adopted) {
            return Format.Directory.ADVISORY;
        }
        Format format = wanted.block()
                ? new Format.Image(Optional.empty())
                : pool.chooseFormat(
                        wanted.parameters().with(wanted.fsType()),
                        wanted.capacity().wanted().isPresent());
        if (format instanceof Format.Image && wanted.multiNode()) {
            throw new Fault(
                    Fault.Kind.INVALID_ARGUMENT,
                    "volume_capability access_mode: an image is used on one node at a time; ask for a single-node mode,"
                            + " or for format=directory");
        }
        return format;
    }

    /** Who names a largest size alone gets what there is up to that. */
    private static CapacityRange fitting(Pool pool, Format format, CapacityRange range) {
        if (!range.isLimitAlone()) {
            return range;
        }
        long most = Math.min(pool.availableBytes(), pool.largest(format).orElse(Long.MAX_VALUE));
        return new CapacityRange(0, Math.min(range.limitBytes(), Math.max(most, format.smallest())));
    }

    private static VolumePath notReserved(Pool pool, VolumePath path, VolumeParameters parameters) {
        String first = path.components().getFirst();
        if (pool.folder().isNamedByBerth(first)) {
            throw parameters.invalidPath(
                    path,
                    "what begins with " + pool.config().name() + ". or " + ArchiveName.PATH_PREFIX
                            + " is named by Berth; choose another first part");
        }
        return path;
    }

    /**
     * The volume that is there, if it is what is wanted.
     *
     * @throws Fault ALREADY_EXISTS when it is not
     */
    static Volume requireSame(Volume there, Volumes.Wanted wanted, boolean ephemeral) {
        VolumeParameters parameters = wanted.parameters();
        if (!there.requestedName().equals(wanted.name())) {
            throw differs(there, "name", there.requestedName());
        }
        if (there.ephemeral() != ephemeral) {
            throw differs(there, "ephemeral", Boolean.toString(there.ephemeral()));
        }
        if (!wanted.capacity().contains(there.capacityBytes())) {
            throw differs(there, "capacity", there.capacityBytes() + " bytes");
        }
        if (there.onDelete() != parameters.onDelete()) {
            throw differs(there, VolumeParameters.ON_DELETE, there.onDelete().toString());
        }
        if (!there.source().equals(wanted.source())) {
            throw taken(
                    there,
                    there.source()
                            .map(source -> "its source is " + Fault.quote(source.toString()))
                            .orElse("is no copy"));
        }
        Ownership ownership =
                wanted.source().isPresent() ? parameters.ownershipOver(there.ownership()) : parameters.ownership();
        if (!there.ownership().equals(ownership)) {
            throw differs(there, "uid, gid or mode", there.ownership().toString());
        }
        requireFormat(there, wanted);
        if (!there.path().equals(parameters.path().orElse(VolumePath.of(there.id())))) {
            throw differs(there, "path", there.path().toString());
        }
        return there;
    }

    private static void requireFormat(Volume there, Volumes.Wanted wanted) {
        if (there.format().isBlock() != wanted.block()) {
            throw differs(there, "access type", there.format().isBlock() ? "block" : "mount");
        }
        if (wanted.parameters()
                .format()
                .filter(name -> name != there.format().name())
                .isPresent()) {
            throw differs(there, VolumeParameters.FORMAT, there.format().name().toString());
        }
        if (there.format() instanceof Format.Image image && image.fileSystem().isPresent()) {
            Optional<FileSystemType> fileSystem =
                    wanted.parameters().with(wanted.fsType()).fileSystem();
            if (fileSystem.isPresent() && !fileSystem.equals(image.fileSystem())) {
                throw differs(
                        there,
                        VolumeParameters.FS_TYPE,
                        image.fileSystem().get().toString());
            }
        }
    }

    private static Fault differs(Volume there, String what, String value) {
        return taken(there, "its " + what + " is " + Fault.quote(value));
    }

    private static Fault taken(Volume there, String but) {
        return new Fault(
                Fault.Kind.ALREADY_EXISTS,
                "the name is taken: volume " + there.id() + " exists and " + but
                        + ", which differs from what is asked");
    }
}
