package io.berth.csi;

import io.berth.csi.v1.VolumeCapability;
import io.berth.fault.Fault;
import io.berth.mount.MountOption;
import io.berth.nfs.NfsOptions;
import io.berth.volume.AccessMode;
import io.berth.volume.Ownership;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

/**
 * A {@code VolumeCapability} in the core's words.
 *
 * @param block whether raw blocks are wanted, not files
 * @param fsType what the CO would have the volume formatted with; empty: it leaves that to the driver
 * @param options the mount flags that any mount can have
 * @param nfs those of NFS
 * @param mountGroup the group that must be able to use the volume
 */
public record VolumeUse(
        AccessMode mode,
        boolean block,
        String fsType,
        Set<MountOption> options,
        NfsOptions nfs,
        OptionalLong mountGroup) {
    private static final String MOUNT_OPTIONS = "mountOptions";

    public VolumeUse {
        options = Set.copyOf(options);
    }

    /**
     * Reads a list of capabilities.
     *
     * @throws Fault INVALID_ARGUMENT when the list is empty or one of them asks for what no volume here can do
     */
    public static List<VolumeUse> parse(String field, List<VolumeCapability> capabilities) {
        if (capabilities.isEmpty()) {
            throw Fault.invalid(field, "", "at least one is required");
        }
        return capabilities.stream().map(capability -> parse(field, capability)).toList();
    }

    /**
     * Reads one capability.
     *
     * @throws Fault INVALID_ARGUMENT naming the part that is missing or that no volume here can do
     */
    public static VolumeUse parse(String field, VolumeCapability capability) {
        AccessMode mode = switch (capability.getAccessMode().getMode()) {
            case UNKNOWN, UNRECOGNIZED -> throw Fault.invalid(field + " access_mode", "", "is required");
            default -> AccessMode.valueOf(capability.getAccessMode().getMode().name());
        };
        return switch (capability.getAccessTypeCase()) {
            case MOUNT -> {
                NfsOptions flags =
                        NfsOptions.parse("mount_flags", capability.getMount().getMountFlagsList());
                yield new VolumeUse(
                        mode,
                        false,
                        capability.getMount().getFsType(),
                        flags.mount(),
                        flags,
                        group(field, capability.getMount().getVolumeMountGroup()));
            }
            case BLOCK -> new VolumeUse(mode, true, "", Set.of(), NfsOptions.DEFAULT, OptionalLong.empty());
            case ACCESSTYPE_NOT_SET -> throw Fault.invalid(field + " access_type", "", "mount or block is required");
        };
    }

    /** The options of NFS with those of a secret, which count where both say something; see {@link #ofSecret}. */
    public NfsOptions nfs(Map<String, String> secrets) {
        return ofSecret(secrets).over(nfs);
    }

    /**
     * The mount options that csi-driver-nfs users have in a secret.
     *
     * @throws Fault INVALID_ARGUMENT when they are not allowed, without saying what they are
     */
    public static NfsOptions ofSecret(Map<String, String> secrets) {
        String text = secrets.getOrDefault(MOUNT_OPTIONS, "");
        if (text.isEmpty()) {
            return NfsOptions.DEFAULT;
        }
        try {
            return NfsOptions.parse(MOUNT_OPTIONS, List.of(text));
        } catch (Fault e) {
            throw new Fault(
                    Fault.Kind.INVALID_ARGUMENT,
                    "secrets: " + MOUNT_OPTIONS + " has an option that is unknown, malformed or contradicts another;"
                            + " put it into the StorageClass's mountOptions to see which");
        }
    }

    private static OptionalLong group(String field, String text) {
        return text.isEmpty()
                ? OptionalLong.empty()
                : OptionalLong.of(Ownership.parseId(field + " volume_mount_group", text));
    }
}
