package io.berth.pool;

import io.berth.fault.Fault;
import io.berth.mount.MountOption;
import io.berth.nfs.Export;
import io.berth.nfs.NfsOptions;
import io.berth.nfs.NfsShare;
import io.berth.volume.ByteSize;
import io.berth.volume.Limit;
import io.berth.volume.PoolName;
import java.math.BigDecimal;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * A pool as the settings name it: {@code NAME=KIND:PATH[,size=SIZE][,overcommit=FACTOR][,limit=LIMIT]
 * [,discover=true][,mounted=true][,nosuid][,nodev][,noexec]}, where of kind {@code nfs} the path is {@code SERVER:/EXPORT} and {@code path=PATH} and
 * mount options may follow.
 *
 * @param root the folder, absolute; it must exist, Berth never makes it; of an export, where that is mounted, or on its
 *     server the folder that is exported
 * @param nfs the export; empty for what is none
 * @param sizeBytes how much may be used; empty: all of the file system
 * @param overcommit how many times the size may be promised, from 1 to 1000
 * @param limit of volumes that have a size and name none, if the settings say it
 * @param discover whether a folder in its root that is no volume's is shown to Docker as one, and taken when it is used
 * @param awaitsMount whether the root is used only while somebody else has a file system mounted there; see
 *     {@link AwaitedMount}
 * @param mountOptions what each mount of a volume with files has, whatever is asked for
 */
public record PoolConfig(
        PoolName name,
        PoolKind kind,
        Path root,
        Optional<NfsShare> nfs,
        OptionalLong sizeBytes,
        BigDecimal overcommit,
        Optional<Limit> limit,
        boolean discover,
        boolean awaitsMount,
        Set<MountOption> mountOptions) {
    private static final Set<MountOption> MOUNT_OPTIONS =
            Set.of(MountOption.NOSUID, MountOption.NODEV, MountOption.NOEXEC);

    private static final Pattern FACTOR = Pattern.compile("[0-9]{1,4}(\\.[0-9]{1,3})?");
    private static final BigDecimal MAX_OVERCOMMIT = BigDecimal.valueOf(1000);

    /**
     * Reads a pool as the settings name it.
     *
     * @throws Fault INVALID_ARGUMENT naming the part that is wrong and what is allowed
     */
    public static PoolConfig parse(String text) {
        int equals = text.indexOf('=');
        int colon = text.indexOf(':', equals + 1);
        if (equals < 0 || colon < 0) {
            throw Fault.invalid("pool", text, "write NAME=KIND:PATH, for example fast=local:/srv/fast");
        }
        PoolName name = new PoolName(text.substring(0, equals));
        PoolKind kind = PoolKind.parse(text.substring(equals + 1, colon));
        String[] parts = text.substring(colon + 1).split(",", -1);
        OptionalLong size = OptionalLong.empty();
        BigDecimal overcommit = BigDecimal.ONE;
        Optional<Limit> limit = Optional.empty();
        boolean discover = false;
        boolean awaitsMount = false;
        Set<MountOption> ofVolumes = EnumSet.noneOf(MountOption.class);
        Optional<Path> exported = Optional.empty();
        List<String> mountOptions = new ArrayList<>();
        for (int i = 1; i < parts.length; i++) {
            Optional<String> sizeText = value(parts[i], "size");
            Optional<String> factorText = value(parts[i], "overcommit");
            Optional<String> limitText = value(parts[i], "limit");
            Optional<String> discoverText = value(parts[i], "discover");
            Optional<String> mountedText = value(parts[i], "mounted");
            Optional<MountOption> ofVolume = mountOption(parts[i]);
            ofVolume.ifPresent(ofVolumes::add);
            if (sizeText.isPresent()) {
                size = OptionalLong.of(ByteSize.parse("pool " + name + " size", sizeText.get()));
            } else if (factorText.isPresent()) {
                overcommit = factor(name, factorText.get());
            } else if (limitText.isPresent()) {
                limit = Optional.of(Limit.parse("pool " + name + " limit", limitText.get()));
            } else if (discoverText.isPresent()) {
                discover = onOff("pool " + name + " discover", discoverText.get());
            } else if (mountedText.isPresent()) {
                awaitsMount = onOff("pool " + name + " mounted", mountedText.get());
            } else if (kind == PoolKind.NFS && value(parts[i], "path").isPresent()) {
                exported = value(parts[i], "path").map(path -> root(name, path));
            } else if (kind == PoolKind.NFS) {
                mountOptions.add(parts[i]);
            } else if (ofVolume.isEmpty()) {
                throw Fault.invalid(
                        "pool " + name + " option",
                        parts[i],
                        "known are size=SIZE, overcommit=FACTOR, limit=enforced|advisory, discover=true|false,"
                                + " mounted=true|false, nosuid, nodev and noexec");
            }
        }
        if (kind == PoolKind.NFS) {
            NfsOptions options = NfsOptions.parse("pool " + name + " option", mountOptions);
            options.localLocks().ifPresent(option -> {
                throw Fault.invalid(
                        "pool " + name + " option",
                        option,
                        "the locks by which Berth's processes wait for each other must hold on every node; leave it out,"
                                + " or add nfsvers=4.2");
            });
            NfsShare share = new NfsShare(Export.parse(parts[0]), options);
            if (awaitsMount && exported.isEmpty()) {
                throw Fault.invalid(
                        "pool " + name + " option",
                        "mounted=true",
                        "only with path=PATH: Berth itself mounts the export");
            }
            return new PoolConfig(
                    name,
                    kind,
                    exported.orElse(share.mountPoint()),
                    Optional.of(share),
                    size,
                    overcommit,
                    limit,
                    discover,
                    awaitsMount,
                    ofVolumes);
        }
        return new PoolConfig(
                name,
                kind,
                root(name, parts[0]),
                Optional.empty(),
                size,
                overcommit,
                limit,
                discover,
                awaitsMount,
                ofVolumes);
    }

    public PoolConfig {
        mountOptions = Set.copyOf(mountOptions);
    }

    private static Optional<MountOption> mountOption(String part) {
        return MOUNT_OPTIONS.stream()
                .filter(option -> option.toString().equals(part))
                .findFirst();
    }

    /** Whether a volume that has a size is held to it where it does not say so itself. */
    public Limit limitOfSized() {
        return limit.orElse(kind.limit());
    }

    /** The options of a mount for which these are asked: those of the pool stand over them. */
    public Set<MountOption> over(Set<MountOption> asked) {
        return MountOption.over(mountOptions, asked);
    }

    private static Optional<String> value(String part, String key) {
        return part.startsWith(key + "=") ? Optional.of(part.substring(key.length() + 1)) : Optional.empty();
    }

    private static boolean onOff(String field, String text) {
        return switch (text) {
            case "true" -> true;
            case "false" -> false;
            default -> throw Fault.invalid(field, text, "true or false");
        };
    }

    private static BigDecimal factor(PoolName name, String text) {
        String field = "pool " + name + " overcommit";
        if (!FACTOR.matcher(text).matches()) {
            throw Fault.invalid(field, text, "a number from 1 to 1000, such as 1.5");
        }
        BigDecimal factor = new BigDecimal(text);
        if (factor.compareTo(BigDecimal.ONE) < 0 || factor.compareTo(MAX_OVERCOMMIT) > 0) {
            throw Fault.invalid(field, text, "a number from 1 to 1000, such as 1.5");
        }
        return factor;
    }

    private static Path root(PoolName name, String text) {
        String field = "pool " + name + " path";
        try {
            Path path = Path.of(text);
            if (!path.isAbsolute() || !path.equals(path.normalize()) || path.getParent() == null) {
                throw Fault.invalid(field, text, "an absolute path without . and .., and not / itself");
            }
            return path;
        } catch (InvalidPathException e) {
            throw Fault.invalid(field, text, e.getReason());
        }
    }

    /** What is mounted at the root before it is used; empty for what is there already. */
    public Optional<NfsShare> mounted() {
        return nfs.filter(share -> root.equals(share.mountPoint()));
    }

    /**
     * Refuses options of NFS that a volume of this pool cannot be mounted by, or that would have no effect.
     *
     * @throws Fault INVALID_ARGUMENT naming the option and what to do
     */
    public void requireMountable(NfsOptions options) {
        if (!options.isUsual() && kind != PoolKind.NFS) {
            throw Fault.invalid("mount_flags", options.toString(), "options of NFS, and the volume is in pool " + this);
        }
        lostOption(options).ifPresent(option -> {
            throw Fault.invalid("mount_flags", option, lost(option));
        });
    }

    /** The option of these that has no effect on a volume, whose pool is mounted first; empty when there is none. */
    Optional<String> lostOption(NfsOptions options) {
        return mounted().flatMap(share -> options.lostBeside(share.options()));
    }

    /** Why an option has no effect on a volume, and what to do. */
    String lost(String option) {
        return "has no effect on one volume, for the kernel connects to a server once, as the first mount says, which is the"
                + " pool's; it belongs in the options of the pool: --pool " + this + "," + option;
    }

    /** Where it is, for people: the folder or the export. */
    public String place() {
        return nfs.map(share -> share.export().toString()).orElse(root.toString());
    }

    @Override
    public String toString() {
        return name + "=" + kind + ":" + place();
    }
}
