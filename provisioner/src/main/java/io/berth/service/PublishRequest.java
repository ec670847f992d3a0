package io.berth.service;

import io.berth.fault.Fault;
import io.berth.mount.MountOption;
import io.berth.mount.MountPoint;
import io.berth.mount.MountTable;
import io.berth.nfs.NfsOptions;
import io.berth.volume.AccessMode;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;

/**
 * A volume that is to appear at a target path.
 *
 * @param stagingPath where it was staged; empty for an inline volume
 * @param block whether its device is to appear, not its files
 * @param options of the mount; {@code ro} in them is the same as a read-only request
 * @param mountGroup the group that must be able to use the volume (CSI, VOLUME_MOUNT_GROUP)
 * @param context the volume's attributes
 * @param nfs by which the export is mounted for this target alone; DEFAULT: the target shows what is staged
 * @param stagedBy the options of the volume's capability, by which it was staged
 */
public record PublishRequest(
        String volumeId,
        Optional<Path> stagingPath,
        Path targetPath,
        AccessMode mode,
        boolean block,
        Set<MountOption> options,
        OptionalLong mountGroup,
        Map<String, String> context,
        NfsOptions nfs,
        NfsOptions stagedBy) {
    public PublishRequest {
        options = Set.copyOf(options);
        context = Map.copyOf(context);
    }

    /** A request for the files of what is staged. */
    public PublishRequest(
            String volumeId,
            Optional<Path> stagingPath,
            Path targetPath,
            AccessMode mode,
            Set<MountOption> options,
            OptionalLong mountGroup,
            Map<String, String> context) {
        this(
                volumeId,
                stagingPath,
                targetPath,
                mode,
                false,
                options,
                mountGroup,
                context,
                NfsOptions.DEFAULT,
                NfsOptions.DEFAULT);
    }

    /**
     * A request for a volume that its attributes describe, without a record.
     *
     * @param handle tells it from others; no volume's id
     */
    public static PublishRequest inline(
            String handle, Path targetPath, Set<MountOption> options, Map<String, String> attributes) {
        Map<String, String> context = new TreeMap<>(attributes);
        context.put(InlineVolume.EPHEMERAL, "true");
        return new PublishRequest(
                handle,
                Optional.empty(),
                targetPath,
                AccessMode.SINGLE_NODE_MULTI_WRITER,
                options,
                OptionalLong.empty(),
                context);
    }

    boolean isReadOnly() {
        return options.contains(MountOption.RO);
    }

    /** The same request, read-only. */
    PublishRequest readOnly() {
        Set<MountOption> readOnly = EnumSet.of(MountOption.RO);
        readOnly.addAll(options);
        readOnly.remove(MountOption.RW);
        return new PublishRequest(
                volumeId, stagingPath, targetPath, mode, block, readOnly, mountGroup, context, nfs, stagedBy);
    }

    /**
     * Whether the target is as it is asked for already.
     *
     * @throws Fault FAILED_PRECONDITION when something else is mounted there, ALREADY_EXISTS when the volume is, in another
     *     way
     */
    boolean isThere(MountTable table, Predicate<MountPoint> isOurs) {
        Optional<MountPoint> there = table.at(targetPath);
        if (there.isEmpty()) {
            return false;
        }
        MountPoint mount = there.get();
        if (!isOurs.test(mount)) {
            throw Targets.occupied(mount);
        }
        if (mount.readOnly() != isReadOnly()) {
            throw new Fault(
                    Fault.Kind.ALREADY_EXISTS,
                    "volume " + volumeId + " is published at " + mount.target() + " already, "
                            + (mount.readOnly() ? "read-only" : "writable"));
        }
        return true;
    }

    /**
     * Refuses a second target.
     *
     * @throws Fault FAILED_PRECONDITION naming the first
     */
    void requireOnlyTarget(Path staging, List<MountPoint> mounts) {
        for (MountPoint mount : mounts) {
            if (!Targets.isSame(mount.target(), staging) && !Targets.isSame(mount.target(), targetPath)) {
                throw new Fault(
                        Fault.Kind.FAILED_PRECONDITION,
                        "volume " + volumeId + " is published at " + mount.target() + ", and access mode " + mode
                                + " allows one target");
            }
        }
    }
}
