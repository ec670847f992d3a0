package io.berth.linux;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;
import java.util.function.ToIntFunction;
import jnr.ffi.LastError;
import jnr.ffi.Runtime;

/** Lets some calls of the C library fail without being made, and notes on which files one is made, until it is closed. */
public final class FailingCalls implements AutoCloseable {
    /** The names of those that are made by number. */
    private static final Map<Long, String> NUMBERED = Map.of(
            428L, "open_tree",
            429L, "move_mount",
            430L, "fsopen",
            431L, "fsconfig",
            432L, "fsmount",
            437L, "openat2",
            442L, "mount_setattr",
            443L, "quotactl_fd");

    private final Libc.Calls real = Libc.calls();
    private final List<Path> files = new CopyOnWriteArrayList<>();

    /** Decides about a call: 0 lets it be made, another number is the errno by which it fails. */
    private interface Decision {
        int errno(String call, Object[] arguments);
    }

    private FailingCalls() {}

    private FailingCalls with(Decision decision) {
        Libc.use((Libc.Calls) Proxy.newProxyInstance(
                Libc.Calls.class.getClassLoader(),
                new Class<?>[] {Libc.Calls.class},
                (proxy, method, arguments) -> invoke(decision, method, arguments == null ? new Object[0] : arguments)));
        return this;
    }

    /** Lets a call, whose first argument or first after its number is a descriptor, fail with EIO on some files. */
    public static FailingCalls fail(String call, Predicate<Path> where) {
        FailingCalls made = new FailingCalls();
        return made.with((name, arguments) -> {
            if (!name.equals(call)) {
                return 0;
            }
            Path file = file((Integer) arguments[arguments[0] instanceof Long ? 1 : 0]);
            made.files.add(file);
            return where.test(file) ? Errno.EIO : 0;
        });
    }

    /** Lets nothing fail. */
    public static FailingCalls watch(String call) {
        return fail(call, file -> false);
    }

    /**
     * Asks about every call.
     *
     * @param errno is given a call's name by whatever thread makes it; 0 lets it be made, another number is why it fails
     */
    public static FailingCalls ask(ToIntFunction<String> errno) {
        return new FailingCalls().with((name, arguments) -> errno.applyAsInt(name));
    }

    private Object invoke(Decision decision, Method method, Object[] arguments) throws Throwable {
        String name = method.getName().equals("syscall")
                ? NUMBERED.getOrDefault((Long) arguments[0], "syscall")
                : method.getName();
        int errno = decision.errno(name, arguments);
        if (errno != 0) {
            LastError.setLastError(Runtime.getRuntime(real), errno);
            if (method.getReturnType() == long.class) {
                return -1L;
            }
            return -1;
        }
        try {
            return method.invoke(real, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    private static Path file(int descriptor) {
        if (descriptor == Libc.AT_FDCWD) {
            return Path.of("").toAbsolutePath();
        }
        try {
            return Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The files that the call was made on, in order. */
    public List<Path> files() {
        return List.copyOf(files);
    }

    @Override
    public void close() {
        Libc.use(real);
    }
}
