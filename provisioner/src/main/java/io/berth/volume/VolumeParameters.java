package io.berth.volume;

import io.berth.fault.Fault;
import io.berth.fault.Nearest;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The parameters of a new volume, read from the strings of a StorageClass, an inline volume or {@code docker volume
 * create -o}. Every key is known and every value checked; the strings themselves are kept, for the record.
 *
 * @param pool which pool, or empty for the only one
 * @param path where in the pool, or empty for the default, the volume's id
 * @param format empty: a directory where its file system can hold the volume to its limit, else an image
 * @param limit empty: as the pool says
 * @param inodes how many files and directories it may hold; empty: as many as there is room for
 * @param fsTypes what an image is to be formatted with, as the parameters and the request say it; a directory has the file
 *     system of its pool, whatever stands here
 */
public record VolumeParameters(
        Optional<PoolName> pool,
        Ownership ownership,
        OnDelete onDelete,
        Optional<VolumePath> path,
        Optional<FormatName> format,
        Optional<Limit> limit,
        OptionalLong inodes,
        List<String> fsTypes,
        Map<String, String> strings) {
    public static final String POOL = "pool";
    public static final String UID = "uid";
    public static final String GID = "gid";
    public static final String MODE = "mode";
    public static final String MOUNT_PERMISSIONS = "mountPermissions";
    public static final String ON_DELETE = "onDelete";
    public static final String ARCHIVE_ON_DELETE = "archiveOnDelete";
    public static final String SERVER = "server";
    public static final String SHARE = "share";
    public static final String SUB_DIR = "subDir";
    public static final String PATH_PATTERN = "pathPattern";
    public static final String NODE_PATH = "nodePath";
    public static final String ALLOW_UNSAFE_PATH_PATTERN = "allowUnsafePathPattern";
    public static final String FORMAT = "format";
    public static final String LIMIT = "limit";
    public static final String INODES = "inodes";
    public static final String FS_TYPE = "fsType";

    /**
     * How keys begin that are Kubernetes' own. What of them is not for the driver, such as the file system's type and the
     * names of secrets, external-provisioner takes out of a class's parameters before some calls and not before others.
     */
    private static final String RESERVED = "csi.storage.k8s.io/";

    /** What stands for a claim and its volume where there is none yet. */
    private static final Map<String, String> ANY_CLAIM = Map.of(
            PathTemplate.PVC_NAME, "claim", PathTemplate.PVC_NAMESPACE, "namespace", PathTemplate.PV_NAME, "volume");

    private static final String AUTO = "auto";
    /** The folder that nfs-subdir-external-provisioner makes where its StorageClass names none. */
    private static final String USUAL_PATH_PATTERN =
            "${pvc.metadata.namespace}-${pvc.metadata.name}-${pv.metadata.name}";

    /** As nfs-subdir-external-provisioner and local-path-provisioner make folders. */
    private static final int USUAL_MODE = 0777;

    /** What csi-driver-nfs reads in small and capital letters alike. */
    private static final Set<String> IN_ANY_CASE = Set.of(SERVER, SHARE, SUB_DIR, ON_DELETE, MOUNT_PERMISSIONS);

    /** What Go's ParseBool takes. */
    private static final Set<String> YES = Set.of("1", "t", "T", "true", "True", "TRUE");

    private static final Set<String> NO = Set.of("0", "f", "F", "false", "False", "FALSE");
    private static final Pattern AS_IT_IS = Pattern.compile("0*");
    private static final Pattern COUNT = Pattern.compile("[1-9][0-9]{0,15}");

    /** All of them, in alphabetical order. */
    public static final SortedSet<String> KEYS = Collections.unmodifiableSortedSet(new TreeSet<>(Set.of(
            POOL,
            UID,
            GID,
            MODE,
            MOUNT_PERMISSIONS,
            ON_DELETE,
            ARCHIVE_ON_DELETE,
            SERVER,
            SHARE,
            SUB_DIR,
            PATH_PATTERN,
            NODE_PATH,
            ALLOW_UNSAFE_PATH_PATTERN,
            FORMAT,
            LIMIT,
            INODES,
            FS_TYPE,
            PathTemplate.PVC_NAME,
            PathTemplate.PVC_NAMESPACE,
            PathTemplate.PV_NAME)));

    public VolumeParameters {
        fsTypes = List.copyOf(fsTypes);
        strings = Map.copyOf(strings);
    }

    /**
     * Reads the parameters. Keys that are Kubernetes' own and not for the driver are left out.
     *
     * @throws Fault INVALID_ARGUMENT naming the first key or value that is not allowed
     */
    public static VolumeParameters parse(Map<String, String> given) {
        SortedMap<String, String> strings = spelled("parameter", given, IN_ANY_CASE);
        strings.keySet().removeIf(key -> key.startsWith(RESERVED) && !KEYS.contains(key));
        for (String key : strings.keySet()) {
            if (!KEYS.contains(key)) {
                throw Fault.invalid("parameter", key, "unknown, " + Nearest.hint(key, KEYS));
            }
        }
        // Any path may be chosen here that leads nowhere else.
        Optional.ofNullable(strings.get(ALLOW_UNSAFE_PATH_PATTERN))
                .ifPresent(text -> parseBoolean(ALLOW_UNSAFE_PATH_PATTERN, text));
        return new VolumeParameters(
                Optional.ofNullable(strings.get(POOL)).map(PoolName::new),
                new Ownership(
                        id(strings, UID, Ownership.ROOT.uid()), id(strings, GID, Ownership.ROOT.gid()), mode(strings)),
                onDelete(strings),
                path(strings),
                format(strings),
                Optional.ofNullable(strings.get(LIMIT)).map(text -> Limit.parse(LIMIT, text)),
                inodes(strings),
                said(strings, FS_TYPE).stream().toList(),
                strings);
    }

    /**
     * Reads the parameters of a class for which there is no claim yet: of a path that its claims are to have, the one of some
     * claim.
     *
     * @throws Fault INVALID_ARGUMENT naming the first key or value that is not allowed
     */
    public static VolumeParameters ofClass(Map<String, String> given) {
        Map<String, String> strings = new TreeMap<>(ANY_CLAIM);
        strings.putAll(given);
        return parse(strings);
    }

    /**
     * These keys as they are spelled here, whatever letters of them are capital.
     *
     * @param what the keys are, for messages
     * @throws Fault INVALID_ARGUMENT when one is there twice
     */
    public static SortedMap<String, String> spelled(String what, Map<String, String> given, Set<String> keys) {
        SortedMap<String, String> spelled = new TreeMap<>();
        given.forEach((key, value) -> {
            String known =
                    keys.stream().filter(key::equalsIgnoreCase).findFirst().orElse(key);
            if (spelled.putIfAbsent(known, value) != null) {
                throw Fault.invalid(what, key, "given twice, in small and capital letters");
            }
        });
        return spelled;
    }

    /** A value that is there and not empty, as templates of Helm leave it. */
    private static Optional<String> said(Map<String, String> strings, String key) {
        return Optional.ofNullable(strings.get(key)).filter(text -> !text.isEmpty());
    }

    /** Who owns a copy: who the strings say, and where they say nothing, who owns what is copied. */
    public Ownership ownershipOver(Ownership copied) {
        Set<String> named = new TreeSet<>(strings.keySet());
        if (mountPermissions(strings).isPresent()) {
            named.add(MODE);
        }
        return ownership.over(copied, named);
    }

    /** The same, of a volume in this pool and at this path. */
    public VolumeParameters at(PoolName pool, VolumePath path) {
        return new VolumeParameters(
                Optional.of(pool), ownership, onDelete, Optional.of(path), format, limit, inodes, fsTypes, strings);
    }

    /** As these, but of a volume that is a copy, and so has the format of what is copied. */
    public VolumeParameters ofCopy(FormatName copied, Ownership owner) {
        return new VolumeParameters(
                pool, ownershipOver(owner), onDelete, path, Optional.of(copied), limit, inodes, fsTypes, strings);
    }

    /** The folder of the pool, as a class of local-path-provisioner says which of a node's folders it means. */
    public Optional<String> nodePath() {
        return said(strings, NODE_PATH);
    }

    /** The same, of a volume in this pool. */
    public VolumeParameters in(PoolName pool) {
        return new VolumeParameters(
                Optional.of(pool), ownership, onDelete, path, format, limit, inodes, fsTypes, strings);
    }

    /** The same, with one more string for the record, which means nothing to the core. */
    public VolumeParameters with(String key, String value) {
        Map<String, String> more = new TreeMap<>(strings);
        more.put(key, value);
        return new VolumeParameters(pool, ownership, onDelete, path, format, limit, inodes, fsTypes, more);
    }

    /** The same, for a request that names a file system elsewhere too. */
    public VolumeParameters with(Optional<String> elsewhere) {
        List<String> all =
                Stream.concat(fsTypes.stream(), elsewhere.stream()).distinct().toList();
        return new VolumeParameters(pool, ownership, onDelete, path, format, limit, inodes, all, strings);
    }

    /**
     * What an image of these is formatted with; empty: nothing was asked for.
     *
     * @throws Fault INVALID_ARGUMENT when it cannot be, or the parameters and the request differ
     */
    public Optional<FileSystemType> fileSystem() {
        if (fsTypes.size() > 1) {
            throw Fault.invalid(FS_TYPE, fsTypes.get(0), "the volume capability's fs_type is " + fsTypes.get(1));
        }
        return fsTypes.stream().findFirst().map(text -> FileSystemType.parse(FS_TYPE, text));
    }

    /** What is wrong with the path, by the key and the template that it comes from. */
    public Fault invalidPath(VolumePath path, String rule) {
        for (String key : List.of(SUB_DIR, PATH_PATTERN)) {
            Optional<String> template = said(strings, key);
            if (template.isPresent()) {
                return Fault.invalid(
                        key, template.get(), "gives the path " + Fault.quote(path.toString()) + ": " + rule);
            }
        }
        return Fault.invalid("path", path.toString(), rule);
    }

    /**
     * Reads the parameters of a new volume of which some can change later; where both say something, those count.
     *
     * @throws Fault INVALID_ARGUMENT naming the first key or value that is not allowed, or that cannot change
     */
    public static VolumeParameters parse(Map<String, String> strings, Map<String, String> mutable) {
        VolumeChange.parse(mutable);
        Map<String, String> all = new TreeMap<>(strings);
        all.putAll(mutable);
        return parse(all);
    }

    private static int mode(Map<String, String> strings) {
        return Optional.ofNullable(strings.get(MODE))
                .map(text -> Ownership.parseMode(MODE, text))
                .or(() -> mountPermissions(strings))
                .orElse(isOfSubdirProvisioner(strings) || isOfLocalPath(strings) ? USUAL_MODE : Ownership.ROOT.mode());
    }

    /**
     * The mode as csi-driver-nfs users write it, where 0 is for as it comes.
     *
     * @throws Fault INVALID_ARGUMENT when it is none
     */
    public static Optional<Integer> mountPermissions(Map<String, String> strings) {
        return said(strings, MOUNT_PERMISSIONS)
                .filter(text -> !AS_IT_IS.matcher(text).matches())
                .map(text -> Ownership.parseMode(MOUNT_PERMISSIONS, text));
    }

    /** Whether the StorageClass is one for nfs-subdir-external-provisioner, whose defaults hold then. */
    private static boolean isOfSubdirProvisioner(Map<String, String> strings) {
        return strings.containsKey(ARCHIVE_ON_DELETE) || (strings.containsKey(PATH_PATTERN) && !isOfLocalPath(strings));
    }

    /** Whether the StorageClass is one for local-path-provisioner, whose defaults hold then. */
    private static boolean isOfLocalPath(Map<String, String> strings) {
        return strings.containsKey(NODE_PATH)
                || strings.containsKey(ALLOW_UNSAFE_PATH_PATTERN)
                || said(strings, PATH_PATTERN)
                        .filter(PathTemplate::isOfLocalPath)
                        .isPresent();
    }

    private static OnDelete onDelete(Map<String, String> strings) {
        Optional<OnDelete> archived = Optional.ofNullable(strings.get(ARCHIVE_ON_DELETE))
                .map(text -> parseBoolean(ARCHIVE_ON_DELETE, text) ? OnDelete.ARCHIVE : OnDelete.DELETE);
        return said(strings, ON_DELETE)
                .map(text -> OnDelete.parse(text.toLowerCase(Locale.ROOT)))
                .or(() -> archived)
                .orElse(isOfSubdirProvisioner(strings) ? OnDelete.ARCHIVE : OnDelete.DELETE);
    }

    private static boolean parseBoolean(String key, String text) {
        if (!YES.contains(text) && !NO.contains(text)) {
            throw Fault.invalid(key, text, "true or false");
        }
        return YES.contains(text);
    }

    private static Optional<FormatName> format(Map<String, String> strings) {
        Optional<String> text = Optional.ofNullable(strings.get(FORMAT)).filter(word -> !word.equals(AUTO));
        return text.map(word -> FormatName.parse(FORMAT, word));
    }

    private static OptionalLong inodes(Map<String, String> strings) {
        return Optional.ofNullable(strings.get(INODES))
                .map(text -> OptionalLong.of(parseInodes(text)))
                .orElse(OptionalLong.empty());
    }

    /** Reads how many files and directories a volume may hold. */
    static long parseInodes(String text) {
        if (!COUNT.matcher(text).matches()) {
            throw Fault.invalid(INODES, text, "a whole number of 1 or more");
        }
        return Long.parseLong(text);
    }

    private static long id(Map<String, String> strings, String key, long otherwise) {
        return Optional.ofNullable(strings.get(key))
                .map(text -> Ownership.parseId(key, text))
                .orElse(otherwise);
    }

    private static Optional<VolumePath> path(Map<String, String> strings) {
        Optional<String> subDir = said(strings, SUB_DIR);
        Optional<String> pathPattern = said(strings, PATH_PATTERN);
        if (subDir.isPresent() && pathPattern.isPresent()) {
            throw Fault.invalid(
                    PATH_PATTERN, pathPattern.get(), "say where the volume lies by subDir or pathPattern, not both");
        }
        if (subDir.isPresent()) {
            return Optional.of(PathTemplate.expand(SUB_DIR, subDir.get(), strings));
        }
        return pathPattern
                .or(() -> isOfSubdirProvisioner(strings) ? Optional.of(USUAL_PATH_PATTERN) : Optional.empty())
                .map(template -> PathTemplate.expand(PATH_PATTERN, template, strings));
    }
}
