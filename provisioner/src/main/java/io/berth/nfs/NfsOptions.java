package io.berth.nfs;

import io.berth.fault.Fault;
import io.berth.fault.Nearest;
import io.berth.linux.Linux;
import io.berth.mount.MountOption;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * By which options an export is mounted; see nfs(5). Only what stands here is let through to the kernel, each value by its
 * grammar, and each key once.
 *
 * @param nfs those of the file system, the value empty where the option has none
 * @param mount those of the one mount, which another mount of the same file system need not have
 */
public record NfsOptions(SortedMap<String, String> nfs, Set<MountOption> mount) {
    /** As a server and a kernel of today would choose. */
    public static final NfsOptions DEFAULT = new NfsOptions(new TreeMap<>(), Set.of());

    private static final String VERSION = "vers";
    private static final String MINOR_VERSION = "minorversion";
    private static final String LOCAL_LOCK = "local_lock";
    private static final String PROTOCOL = "proto";
    private static final String PORT = "port";
    private static final String CONNECTIONS = "nconnect";
    private static final int USUAL_PORT = 2049;

    /** The value of an option that has none. */
    private static final String FLAG = "";

    /** What is tried when no version, or just 4, is asked for. */
    private static final List<String> VERSIONS = List.of("4.2", "4.1", "4.0", "3");

    private static final Pattern COUNT = Pattern.compile("[0-9]{1,9}");
    private static final Pattern PORTS =
            Pattern.compile("[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]");
    private static final Pattern CONTEXT = Pattern.compile("[\\w.:-]{1,250}|\"[\\w.:,-]{1,250}\"");

    /** What mount.nfs(8) reads for itself, and what the kernel reads and forgets. */
    private static final Pattern WITHOUT_MEANING = Pattern.compile("bg|fg|retry=[0-9]{1,9}|intr|nointr|sloppy");

    /** Other names of some options. */
    private static final Map<String, String> OTHER_NAMES = Map.of(
            "nfsvers", VERSION,
            "v3", VERSION + "=3",
            "v4", VERSION + "=4",
            "v4.0", VERSION + "=4.0",
            "v4.1", VERSION + "=4.1",
            "v4.2", VERSION + "=4.2",
            "tcp", PROTOCOL + "=tcp",
            "rdma", PROTOCOL + "=rdma");

    /** Labels of SELinux, which mount(8) leaves out where the kernel has none. */
    private static final Set<String> CONTEXTS = Set.of("context", "fscontext", "defcontext", "rootcontext");

    /** Of which only one can be given. */
    private static final List<Set<String>> EXCLUSIVE = List.of(
            Set.of("hard", "soft", "softerr"),
            Set.of("lock", "nolock"),
            Set.of("ac", "noac"),
            Set.of("resvport", "noresvport"),
            Set.of("sync", "async"),
            Set.of("cto", "nocto"),
            Set.of("acl", "noacl"),
            Set.of("rdirplus", "nordirplus"),
            Set.of("sharecache", "nosharecache"),
            Set.of("fsc", "nofsc"),
            Set.of("posix", "noposix"),
            Set.of("migration", "nomigration"),
            Set.of("trunkdiscovery", "notrunkdiscovery"),
            Set.of("lazytime", "nolazytime"));

    private static final Map<String, Pattern> GRAMMAR = grammar();

    private static Map<String, Pattern> grammar() {
        Map<String, Pattern> grammar = new HashMap<>();
        EXCLUSIVE.forEach(flags -> flags.forEach(flag -> grammar.put(flag, Pattern.compile(FLAG))));
        grammar.put("dirsync", Pattern.compile(FLAG));
        for (String count : List.of(
                "timeo",
                "retrans",
                "actimeo",
                "acregmin",
                "acregmax",
                "acdirmin",
                "acdirmax",
                "rsize",
                "wsize",
                "bsize",
                "namlen")) {
            grammar.put(count, COUNT);
        }
        CONTEXTS.forEach(context -> grammar.put(context, CONTEXT));
        grammar.put(VERSION, Pattern.compile("3|4(\\.[0-2])?"));
        grammar.put(MINOR_VERSION, Pattern.compile("[0-2]"));
        grammar.put(CONNECTIONS, Pattern.compile("[1-9]|1[0-6]"));
        grammar.put("max_connect", Pattern.compile("[1-9]|1[0-6]"));
        grammar.put("sec", Pattern.compile("sys|krb5[ip]?"));
        grammar.put("xprtsec", Pattern.compile("none|tls|mtls"));
        grammar.put(PROTOCOL, Pattern.compile("tcp6?|rdma6?"));
        grammar.put(PORT, PORTS);
        grammar.put("mountport", PORTS);
        grammar.put("mountproto", Pattern.compile("(tcp|udp)6?"));
        grammar.put("mountvers", Pattern.compile("[1-3]"));
        grammar.put("clientaddr", Pattern.compile("[0-9a-fA-F.:]{2,45}"));
        grammar.put("lookupcache", Pattern.compile("all|none|pos|positive"));
        grammar.put(LOCAL_LOCK, Pattern.compile("all|flock|posix|none"));
        grammar.put("write", Pattern.compile("lazy|eager|wait"));
        grammar.put("fsc", Pattern.compile("|[\\w.-]{1,64}"));
        grammar.put("rdirplus", Pattern.compile("|none|force"));
        return Map.copyOf(grammar);
    }

    public NfsOptions {
        nfs = Collections.unmodifiableSortedMap(new TreeMap<>(nfs));
        mount = Set.copyOf(mount);
    }

    /**
     * Reads mount options. Those that mount(8) and mount.nfs(8) keep to themselves say nothing.
     *
     * @param field what they are, for messages
     * @param texts each one option, or several with commas between, as in fstab(5)
     * @throws Fault INVALID_ARGUMENT naming the first that is unknown, with the nearest that is known, or that is malformed,
     *     or contradicts another
     */
    public static NfsOptions parse(String field, List<String> texts) {
        Map<String, String> nfs = new LinkedHashMap<>();
        List<String> mount = new ArrayList<>();
        for (String text : texts) {
            for (String option : split(text)) {
                if (MountOption.isOfMountProgram(option)
                        || WITHOUT_MEANING.matcher(option).matches()) {
                    continue;
                }
                if (isOfMount(option)) {
                    mount.add(option);
                } else {
                    add(field, option, nfs);
                }
            }
        }
        for (Set<String> exclusive : EXCLUSIVE) {
            List<String> given =
                    exclusive.stream().filter(nfs::containsKey).sorted().toList();
            if (given.size() > 1) {
                throw Fault.invalid(field, given.get(0), "contradicts \"" + given.get(1) + "\"");
            }
        }
        joinVersion(field, nfs);
        return new NfsOptions(new TreeMap<>(nfs), MountOption.parse(mount));
    }

    /** At the commas; those between quotation marks part nothing. */
    private static List<String> split(String text) {
        List<String> options = new ArrayList<>();
        int begin = 0;
        boolean quoted = false;
        for (int at = 0; at < text.length(); at++) {
            char c = text.charAt(at);
            quoted ^= c == '"';
            if (c == ',' && !quoted) {
                options.add(text.substring(begin, at));
                begin = at + 1;
            }
        }
        options.add(text.substring(begin));
        return options;
    }

    /** A minor version of its own belongs to version 4. */
    private static void joinVersion(String field, Map<String, String> nfs) {
        String minor = nfs.remove(MINOR_VERSION);
        if (minor == null) {
            return;
        }
        String version = nfs.getOrDefault(VERSION, "4");
        String whole = "4." + minor;
        if (!version.equals("4") && !version.equals(whole)) {
            throw Fault.invalid(field, MINOR_VERSION + "=" + minor, "contradicts \"" + VERSION + "=" + version + "\"");
        }
        nfs.put(VERSION, whole);
    }

    /** Whether the file system is mounted as usual. */
    public boolean isUsual() {
        return nfs.isEmpty();
    }

    /** Those of the file system alone. */
    public NfsOptions ofFileSystem() {
        return new NfsOptions(nfs, Set.of());
    }

    /** These, and of the others what these do not say; an option takes the place of one that it contradicts. */
    public NfsOptions over(NfsOptions others) {
        SortedMap<String, String> all = new TreeMap<>(others.nfs);
        for (String key : nfs.keySet()) {
            EXCLUSIVE.stream().filter(set -> set.contains(key)).forEach(all.keySet()::removeAll);
        }
        all.putAll(nfs);
        return new NfsOptions(all, mount.isEmpty() ? others.mount : mount);
    }

    private static boolean isOfMount(String option) {
        return Arrays.stream(MountOption.values()).map(MountOption::toString).anyMatch(option::equals);
    }

    private static void add(String field, String given, Map<String, String> options) {
        String option = OTHER_NAMES.getOrDefault(given, given);
        int equals = option.indexOf('=');
        String name = equals < 0 ? option : option.substring(0, equals);
        String key = OTHER_NAMES.getOrDefault(name, name);
        String value = equals < 0 ? FLAG : option.substring(equals + 1);
        Pattern allowed = Optional.ofNullable(GRAMMAR.get(key)).orElseThrow(() -> unknown(field, given, name));
        if (!allowed.matcher(value).matches()) {
            throw Fault.invalid(
                    field,
                    given,
                    allowed.pattern().equals(FLAG) ? "takes no value" : "the value must match " + allowed);
        }
        String before = options.putIfAbsent(key, value);
        if (before != null && !before.equals(value)) {
            throw Fault.invalid(field, given, "contradicts \"" + key + "=" + before + "\"");
        }
    }

    private static Fault unknown(String field, String option, String name) {
        Set<String> known = new TreeSet<>(GRAMMAR.keySet());
        known.addAll(OTHER_NAMES.keySet());
        Arrays.stream(MountOption.values()).map(MountOption::toString).forEach(known::add);
        return Fault.invalid(
                field,
                option,
                "not allowed"
                        + Nearest.like(name, known)
                                .map(near -> ", the nearest is " + near)
                                .orElse("")
                        + "; allowed are " + String.join(", ", known));
    }

    /**
     * An option of these that has no effect beside a mount by the others that is there first: the kernel has one client, with
     * one set of connections, for a server, protocol, port and version, and the first mount makes it. Empty when all have
     * their effect.
     */
    public Optional<String> lostBeside(NfsOptions first) {
        NfsOptions all = over(first);
        boolean ownClient = !all.nfs.getOrDefault(PROTOCOL, FLAG).equals(first.nfs.getOrDefault(PROTOCOL, FLAG))
                || all.port() != first.port()
                || all.versions().stream().noneMatch(first.versions()::contains);
        if (ownClient) {
            return Optional.empty();
        }
        if (all.connections() > first.connections()) {
            return Optional.of(CONNECTIONS + "=" + all.connections());
        }
        return Stream.of("noresvport", "resvport")
                .filter(port -> nfs.containsKey(port) && all.isFromAnyPort() != first.isFromAnyPort())
                .findFirst();
    }

    private int connections() {
        return Integer.parseInt(nfs.getOrDefault(CONNECTIONS, "1"));
    }

    private boolean isFromAnyPort() {
        return nfs.containsKey("noresvport");
    }

    /**
     * The option by which locks on files hold on this machine alone; empty when they hold on all. Only of version 3: the
     * others lock at the server, whatever is asked for (nfs(5)).
     */
    public Optional<String> localLocks() {
        if (!versions().contains("3")) {
            return Optional.empty();
        }
        return nfs.containsKey("nolock")
                ? Optional.of("nolock")
                : Optional.ofNullable(nfs.get(LOCAL_LOCK))
                        .filter(kinds -> !kinds.equals("none"))
                        .map(kinds -> LOCAL_LOCK + "=" + kinds);
    }

    /** The versions to try, one after the other, while the server knows them not. */
    List<String> versions() {
        String asked = nfs.getOrDefault(VERSION, FLAG);
        return VERSIONS.contains(asked)
                ? List.of(asked)
                : VERSIONS.stream().filter(version -> version.startsWith(asked)).toList();
    }

    /** What the kernel is told, for a server at this address. */
    List<String> forKernel(String version, InetAddress server) {
        List<String> options = new ArrayList<>(List.of(VERSION + "=" + version, "addr=" + server.getHostAddress()));
        nfs.forEach((key, value) -> {
            boolean told = !key.equals(VERSION) && (!CONTEXTS.contains(key) || Linux.hasSelinux());
            if (told) {
                options.add(value.isEmpty() ? key : key + "=" + value.replace("\"", ""));
            }
        });
        return options;
    }

    /** The port that the server listens on. */
    int port() {
        return Integer.parseInt(nfs.getOrDefault(PORT, Integer.toString(USUAL_PORT)));
    }

    /** Whether the server is asked over TCP. */
    boolean isOverTcp() {
        return nfs.getOrDefault(PROTOCOL, "tcp").startsWith("tcp");
    }

    /** As mount(8) takes them. */
    @Override
    public String toString() {
        Stream<String> ofFileSystem = nfs.entrySet().stream()
                .map(option ->
                        option.getValue().isEmpty() ? option.getKey() : option.getKey() + "=" + option.getValue());
        return Stream.concat(
                        ofFileSystem, mount.stream().map(MountOption::toString).sorted())
                .collect(Collectors.joining(","));
    }
}
