package io.berth.mount;

import io.berth.fault.Fault;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The options that one mount of a file system can have, others notwithstanding. See mount(8) and mount_setattr(2). */
public enum MountOption {
    RO(0x01, 0x01),
    RW(0x01, 0),
    NOSUID(0x02, 0x02),
    SUID(0x02, 0),
    NODEV(0x04, 0x04),
    DEV(0x04, 0),
    NOEXEC(0x08, 0x08),
    EXEC(0x08, 0),
    NOATIME(0x70, 0x10),
    RELATIME(0x70, 0),
    STRICTATIME(0x70, 0x20),
    NODIRATIME(0x80, 0x80);

    /**
     * What mount(8) and fstab(5) read for themselves: when, by whom and how often it is mounted, and remarks. The kernel is
     * never told of these.
     */
    private static final Pattern OF_MOUNT_PROGRAM =
            Pattern.compile("|defaults|auto|noauto|user(=.*)?|nouser|users|nousers"
                    + "|owner|noowner|group|nogroup|_netdev|nofail|x-[A-Za-z].*|comment=.*");

    private static final String ALLOWED =
            Arrays.stream(values()).map(MountOption::toString).collect(Collectors.joining(", "));

    private final long mask;
    private final long attribute;

    MountOption(long mask, long attribute) {
        this.mask = mask;
        this.attribute = attribute;
    }

    /**
     * Reads mount flags. Those that mount(8) keeps to itself say nothing.
     *
     * @param flags each one option, or several with commas between, as in fstab(5)
     * @throws Fault INVALID_ARGUMENT when one is unknown or contradicts another
     */
    public static Set<MountOption> parse(List<String> flags) {
        EnumSet<MountOption> options = EnumSet.noneOf(MountOption.class);
        for (String flag : flags) {
            for (String name : flag.split(",", -1)) {
                if (isOfMountProgram(name)) {
                    continue;
                }
                MountOption option = find(name)
                        .orElseThrow(() -> Fault.invalid("mount_flags", name, "not allowed; allowed are " + ALLOWED));
                for (MountOption other : options) {
                    if (other.mask == option.mask && other != option) {
                        throw Fault.invalid("mount_flags", name, "contradicts \"" + other + "\"");
                    }
                }
                options.add(option);
            }
        }
        return Collections.unmodifiableSet(options);
    }

    /** Whether mount(8) keeps this option to itself; no option at all is one of these. */
    public static boolean isOfMountProgram(String option) {
        return OF_MOUNT_PROGRAM.matcher(option).matches();
    }

    private static Optional<MountOption> find(String name) {
        return Arrays.stream(values())
                .filter(option -> option.toString().equals(name))
                .findFirst();
    }

    /** These, and of the others what does not contradict them. */
    public static Set<MountOption> over(Set<MountOption> options, Set<MountOption> others) {
        EnumSet<MountOption> all = EnumSet.noneOf(MountOption.class);
        all.addAll(others);
        all.removeIf(other -> options.stream().anyMatch(option -> option.mask == other.mask));
        all.addAll(options);
        return Collections.unmodifiableSet(all);
    }

    /** The MOUNT_ATTR_ bits that the options decide. */
    static long mask(Set<MountOption> options) {
        return options.stream().mapToLong(option -> option.mask).reduce(0, (a, b) -> a | b);
    }

    /** The MOUNT_ATTR_ bits that the options set. */
    static long attributes(Set<MountOption> options) {
        return options.stream().mapToLong(option -> option.attribute).reduce(0, (a, b) -> a | b);
    }

    /** As mount(8) writes it: in small letters. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
