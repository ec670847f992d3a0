package io.berth.docker;

import io.berth.fault.Fault;
import io.berth.hostpath.HostPath;
import io.berth.hostpath.HostPathType;
import io.berth.mount.MountOption;
import io.berth.nfs.Export;
import io.berth.nfs.NfsOptions;
import io.berth.service.NodeVolumes;
import io.berth.volume.VolumeParameters;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * The options that people know from other drivers: Docker's local driver ({@code type}, {@code device}, {@code o}),
 * local-persist ({@code mountpoint}) and netshare ({@code share}, {@code server}, {@code nfsopts}).
 */
final class LocalDriverOptions {
    private static final String TYPE = "type";
    private static final String DEVICE = "device";
    private static final String O = "o";
    private static final String MOUNTPOINT = "mountpoint";
    private static final String MOUNTED = HostPath.MOUNTED;
    private static final String NONE = "none";
    private static final String SHARE = VolumeParameters.SHARE;
    private static final String SERVER = VolumeParameters.SERVER;
    private static final String NFSOPTS = "nfsopts";
    private static final String CREATE = "create";
    private static final Set<String> OF_NETSHARE = Set.of(SHARE, SERVER, NFSOPTS, CREATE);
    private static final String ADDRESS = "addr=";
    /** A unit that is a power of 1000 unless an i follows; for Docker and the kernel all are powers of 1024. */
    private static final Pattern DECIMAL_UNIT = Pattern.compile("([KMGTP])(?!i)");

    private static final Set<String> OF_MEMORY =
            Set.of(CreateOptions.SIZE, VolumeParameters.UID, VolumeParameters.GID, VolumeParameters.MODE);

    /** Each of them says that the volume is in no pool. */
    static final Set<String> KEYS = Set.of(TYPE, DEVICE, O, MOUNTPOINT, MOUNTED, SHARE, SERVER, NFSOPTS, CREATE);

    private LocalDriverOptions() {}

    /**
     * Reads the options; at least one of them is one of these.
     *
     * @throws Fault INVALID_ARGUMENT naming the first that is not allowed
     */
    static CreateOptions.Outside parse(Map<String, String> options) {
        if (OF_NETSHARE.stream().anyMatch(options::containsKey)) {
            return netshare(options);
        }
        if (options.containsKey(MOUNTPOINT)) {
            only(options, Set.of(MOUNTPOINT, MOUNTED), MOUNTPOINT);
            return new CreateOptions.Outside(
                    host(MOUNTPOINT, options, HostPathType.DIRECTORY_OR_CREATE), Set.of(), false);
        }
        String type = options.getOrDefault(TYPE, "");
        if (options.containsKey(MOUNTED) && !type.equals(NONE)) {
            throw Fault.invalid(
                    "option",
                    MOUNTED,
                    "only with mountpoint=/a/path and with type=none; a pool has it in its own settings, as --pool"
                            + " NAME=KIND:/a/path,mounted=true");
        }
        return switch (type) {
            case NONE -> bind(options);
            case "tmpfs" -> memory(options);
            case "nfs" -> nfs(options, NfsOptions.DEFAULT);
            case "nfs4" -> nfs(options, NfsOptions.parse("option " + TYPE, List.of("vers=4")));
            default ->
                throw Fault.invalid(
                        "option type",
                        type,
                        "none (with o=bind and device=/a/path), tmpfs, or nfs (with o=addr=SERVER and device=:/path); for"
                                + " another file system mount it on the host and make it a pool");
        };
    }

    /** As mount(2) has it: the server in o, whatever stands before the colon of the device. */
    private static CreateOptions.Outside nfs(Map<String, String> options, NfsOptions usual) {
        only(options, Set.of(TYPE, DEVICE, O), "type=" + options.get(TYPE));
        List<String> words = words(options, O);
        List<String> servers = words.stream()
                .filter(word -> word.startsWith(ADDRESS))
                .map(word -> word.substring(ADDRESS.length()))
                .toList();
        if (servers.size() > 1) {
            throw Fault.invalid("option o", options.getOrDefault(O, ""), "addr is given twice");
        }
        words.removeIf(word -> word.startsWith(ADDRESS));
        String device = options.getOrDefault(DEVICE, "");
        int colon = device.indexOf(":/");
        if (colon < 0 || (colon == 0 && servers.isEmpty())) {
            throw Fault.invalid("option device", device, "type=nfs takes device=:/path with o=addr=SERVER");
        }
        String server = servers.isEmpty() ? device.substring(0, colon) : servers.getFirst();
        return share(
                Export.ofClass(server, device.substring(colon + 1)),
                NfsOptions.parse("option o", words).over(usual),
                false);
    }

    /** The share of a volume whose name says it, as {@link VolumeNames#isShare} tells. */
    static CreateOptions.Outside named(String name, Map<String, String> options) {
        only(options, Set.of(NFSOPTS, CREATE), "a name that says a share");
        Map<String, String> all = new TreeMap<>(options);
        all.put(SHARE, name.replaceFirst("/", ":/"));
        return netshare(all);
    }

    /** The server stands in share, before the colon, or is an option of its own. */
    private static CreateOptions.Outside netshare(Map<String, String> options) {
        only(options, OF_NETSHARE, "share");
        String share = options.getOrDefault(SHARE, "");
        int colon = share.indexOf(":/");
        String server = options.getOrDefault(SERVER, share.substring(0, Math.max(colon, 0)));
        boolean own = options.containsKey(SERVER);
        if (own ? !share.startsWith("/") : server.isEmpty()) {
            throw Fault.invalid("option share", share, "share=SERVER:/path, or share=/path with server=SERVER");
        }
        return share(
                Export.ofClass(server, own ? share : share.substring(colon + 1)),
                NfsOptions.parse("option nfsopts", words(options, NFSOPTS)),
                makesFolder(options));
    }

    private static boolean makesFolder(Map<String, String> options) {
        String text = options.getOrDefault(CREATE, "false");
        return switch (text) {
            case "true" -> true;
            case "false" -> false;
            default -> throw Fault.invalid("option " + CREATE, text, "true or false");
        };
    }

    private static CreateOptions.Outside share(Export export, NfsOptions options, boolean makesFolder) {
        return new CreateOptions.Outside(
                Map.of(
                        SERVER,
                        export.server().name(),
                        SHARE,
                        export.path().toString(),
                        NodeVolumes.MOUNT_OPTIONS,
                        options.toString()),
                Set.of(),
                makesFolder);
    }

    private static CreateOptions.Outside bind(Map<String, String> options) {
        only(options, Set.of(TYPE, DEVICE, O, MOUNTED), "type=none");
        List<String> words = words(options, O);
        if (!words.remove("bind")) {
            throw Fault.invalid(
                    "option o",
                    options.getOrDefault(O, ""),
                    "type=none needs o=bind; with rbind, what is mounted below the path would be seen too, which is not"
                            + " allowed");
        }
        return new CreateOptions.Outside(host(DEVICE, options, HostPathType.DIRECTORY), mountOptions(words), false);
    }

    private static Map<String, String> host(String key, Map<String, String> options, HostPathType type) {
        Map<String, String> attributes = new TreeMap<>();
        attributes.put(HostPath.PATH, options.getOrDefault(key, ""));
        attributes.put(HostPath.TYPE, type.toString());
        check(key, attributes);
        if (options.containsKey(MOUNTED)) {
            attributes.put(MOUNTED, options.get(MOUNTED));
            check(MOUNTED, attributes);
        }
        return attributes;
    }

    private static void check(String key, Map<String, String> attributes) {
        try {
            HostPath.parse(attributes);
        } catch (Fault e) {
            throw ofOption(key, e);
        }
    }

    private static Fault ofOption(String key, Fault fault) {
        return new Fault(fault.kind(), "option " + key + ": " + fault.getMessage(), fault);
    }

    /** What tmpfs itself is told stands in o, beside what every mount is told; or is an option of its own. */
    private static CreateOptions.Outside memory(Map<String, String> options) {
        Set<String> allowed = new TreeSet<>(OF_MEMORY);
        allowed.addAll(Set.of(TYPE, DEVICE, O));
        only(options, allowed, "type=tmpfs");
        Map<String, String> attributes = new TreeMap<>(options);
        attributes.keySet().retainAll(OF_MEMORY);
        List<String> flags = new ArrayList<>();
        for (String word : words(options, O)) {
            int equals = word.indexOf('=');
            if (equals > 0 && OF_MEMORY.contains(word.substring(0, equals))) {
                attributes.put(word.substring(0, equals), word.substring(equals + 1));
            } else {
                flags.add(word);
            }
        }
        if (!attributes.containsKey(CreateOptions.SIZE)) {
            throw Fault.invalid(
                    "option o",
                    options.getOrDefault(O, ""),
                    "a tmpfs needs a size, such as o=size=100m; memory is not endless");
        }
        attributes.computeIfPresent(
                CreateOptions.SIZE, (key, text) -> DECIMAL_UNIT.matcher(text).replaceFirst("$1i"));
        attributes.put("medium", "Memory");
        return new CreateOptions.Outside(attributes, mountOptions(flags), false);
    }

    private static List<String> words(Map<String, String> options, String key) {
        return new ArrayList<>(Optional.ofNullable(options.get(key))
                .filter(text -> !text.isEmpty())
                .map(text -> List.of(text.split(" *, *", -1)))
                .orElse(List.of()));
    }

    private static Set<MountOption> mountOptions(List<String> words) {
        try {
            return MountOption.parse(words);
        } catch (Fault e) {
            throw ofOption(O, e);
        }
    }

    private static void only(Map<String, String> options, Set<String> allowed, String with) {
        for (String key : new TreeSet<>(options.keySet())) {
            if (!allowed.contains(key)) {
                throw Fault.invalid(
                        "option",
                        key,
                        "not with " + with + ", which takes " + String.join(", ", new TreeSet<>(allowed)));
            }
        }
    }
}
