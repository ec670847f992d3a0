package io.berth.linux;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Extended attributes of any file, of a symbolic link itself too. POSIX ACLs are two of them:
 * {@code system.posix_acl_access} and {@code system.posix_acl_default}. See xattr(7).
 */
public final class Xattrs {
    /** Most lists, and most values, are no longer, so that one call does. */
    private static final int GUESS = 256;

    private Xattrs() {}

    /** The names of all attributes; none where the file system has none. See listxattr(2). */
    public static List<String> list(OpenFile file) {
        byte[] list = new byte[GUESS];
        while (true) {
            long length = list(file, list, list.length);
            if (length == -Errno.EOPNOTSUPP) {
                return List.of();
            }
            if (length != -Errno.ERANGE) {
                return names(list, (int) Libc.check(length, "listxattr", file));
            }
            list = new byte[Math.max(1, (int) Libc.check(list(file, null, 0), "listxattr", file))];
        }
    }

    private static long list(OpenFile file, byte @Nullable [] list, int size) {
        return file.descriptor.call(fd -> file instanceof PathHandle
                ? Libc.calls().listxattr(Descriptor.path(fd), list, size)
                : Libc.calls().flistxattr(fd, list, size));
    }

    private static List<String> names(byte[] list, int length) {
        List<String> names = new ArrayList<>();
        int from = 0;
        for (int i = 0; i < length; i++) {
            if (list[i] == 0) {
                names.add(FileName.decode(list, from, i - from));
                from = i + 1;
            }
        }
        return names;
    }

    /** The value of an attribute; empty when there is none of that name. See getxattr(2). */
    public static Optional<byte[]> get(OpenFile file, String name) {
        byte[] key = FileName.encode(name);
        byte[] value = new byte[GUESS];
        while (true) {
            long length = get(file, key, value, value.length);
            if (length == -Errno.ENODATA || length == -Errno.EOPNOTSUPP) {
                return Optional.empty();
            }
            if (length != -Errno.ERANGE) {
                return Optional.of(Arrays.copyOf(value, (int) Libc.check(length, "getxattr", text(file, name))));
            }
            long size = get(file, key, null, 0);
            if (size != -Errno.ENODATA) { // else it was removed since
                value = new byte[Math.max(1, (int) Libc.check(size, "getxattr", text(file, name)))];
            }
        }
    }

    private static long get(OpenFile file, byte[] key, byte @Nullable [] value, int size) {
        return file.descriptor.call(fd -> Libc.calls().getxattr(Descriptor.path(fd), key, value, size));
    }

    /**
     * Sets an attribute, new or not. See setxattr(2).
     *
     * @return false when this file cannot have such an attribute
     */
    public static boolean set(OpenFile file, String name, byte[] value) {
        byte[] key = FileName.encode(name);
        long result =
                file.descriptor.call(fd -> Libc.calls().setxattr(Descriptor.path(fd), key, value, value.length, 0));
        if (result == -Errno.EOPNOTSUPP) {
            return false;
        }
        Libc.check(result, "setxattr", text(file, name));
        return true;
    }

    /**
     * Removes an attribute. See removexattr(2).
     *
     * @return false when there is none of that name
     */
    public static boolean remove(OpenFile file, String name) {
        byte[] key = FileName.encode(name);
        long result = file.descriptor.call(fd -> Libc.calls().removexattr(Descriptor.path(fd), key));
        if (result == -Errno.ENODATA || result == -Errno.EOPNOTSUPP) {
            return false;
        }
        Libc.check(result, "removexattr", text(file, name));
        return true;
    }

    private static String text(OpenFile file, String name) {
        return name + " of " + file.path();
    }
}
