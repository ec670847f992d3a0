package io.berth.linux;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;
import jnr.ffi.LastError;
import jnr.ffi.Runtime;

/** Notes on which files one call of the C library is made, and lets some of them fail, until it is closed. */
public final class FailingCalls implements AutoCloseable {
    private final Libc.Calls real = Libc.calls();
    private final String call;
    private final Predicate<Path> fails;
    private final List<Path> files = new CopyOnWriteArrayList<>();

    private FailingCalls(String call, Predicate<Path> fails) {
        this.call = call;
        this.fails = fails;
        Libc.use((Libc.Calls) Proxy.newProxyInstance(
                Libc.Calls.class.getClassLoader(),
                new Class<?>[] {Libc.Calls.class},
                (proxy, method, arguments) -> invoke(method, arguments == null ? new Object[0] : arguments)));
    }

    /** Lets a call, whose first argument is a descriptor, fail with EIO on some files. */
    public static FailingCalls fail(String call, Predicate<Path> where) {
        return new FailingCalls(call, where);
    }

    /** Lets nothing fail. */
    public static FailingCalls watch(String call) {
        return new FailingCalls(call, file -> false);
    }

    private Object invoke(Method method, Object[] arguments) throws Throwable {
        if (method.getName().equals(call)) {
            Path file = file((Integer) arguments[0]);
            files.add(file);
            if (fails.test(file)) {
                LastError.setLastError(Runtime.getRuntime(real), Errno.EIO);
                return method.getReturnType() == long.class ? (Object) (-1L) : (Object) (-1);
            }
        }
        try {
            return method.invoke(real, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    private static Path file(int descriptor) {
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
