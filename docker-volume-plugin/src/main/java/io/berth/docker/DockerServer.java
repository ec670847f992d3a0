package io.berth.docker;

import io.berth.fault.Fault;
import io.berth.socket.EndedCall;
import io.berth.socket.SocketFile;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.unixdomain.server.UnixDomainServerConnector;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Promise;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.slf4j.LoggerFactory;

/** Serves the VolumeDriver API on a Unix socket. Thread-safe. */
public final class DockerServer implements AutoCloseable {
    private static final String CONTENT_TYPE = "application/vnd.docker.plugins.v1.1+json";
    private static final int MAX_BODY_BYTES = 256 << 10;
    private static final int MAX_CONNECTIONS = 512;
    private static final int THREADS = 16;
    private static final int BUFFER_BYTES = 8 << 10;
    private static final Duration IDLE = Duration.ofMinutes(2);
    private static final long IDLE_THREAD_SECONDS = 10;

    private final Server server;
    private final SocketFile socket;
    private final ThreadPoolExecutor changes;
    private final CallLog log;
    private final VolumeDriver driver;

    private DockerServer(
            VolumeDriver driver,
            SocketFile socket,
            int maxCalls,
            Duration slowCall,
            Optional<Consumer<EndedCall>> ended) {
        this.driver = driver;
        this.socket = socket;
        this.log = new CallLog(slowCall, ended);
        AtomicInteger number = new AtomicInteger();
        this.changes = new ThreadPoolExecutor(
                maxCalls,
                maxCalls,
                IDLE_THREAD_SECONDS,
                TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(MAX_CONNECTIONS),
                task -> daemon(task, "docker-call-" + number.incrementAndGet()));
        changes.allowCoreThreadTimeOut(true);
        QueuedThreadPool threads = new QueuedThreadPool(THREADS, 0); // its queue is bounded by the connections
        threads.setName("docker");
        threads.setDaemon(true);
        this.server = new Server(threads);
    }

    private static Thread daemon(Runnable task, String name) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        return thread;
    }

    /**
     * Begins to serve.
     *
     * @param maxCalls calls at once that change something; more of them wait
     * @param slowCall a call that takes longer is logged as a warning while it runs
     * @param ended is told of each call, by several threads at once
     * @throws Fault FAILED_PRECONDITION when the socket cannot be had
     */
    public static DockerServer start(
            DockerSettings settings,
            int maxCalls,
            Duration slowCall,
            Optional<Consumer<EndedCall>> ended,
            VolumeDriver driver) {
        SocketFile socket = new SocketFile(settings.socket().socket(), settings.socketOwner());
        DockerServer server = new DockerServer(driver, socket, maxCalls, slowCall, ended);
        try {
            server.serve();
            return server;
        } catch (Fault e) {
            server.end();
            throw e;
        } catch (Exception e) { // Jetty's start declares no less
            server.end();
            String reason = e instanceof IOException failure ? Fault.reason(failure) : e.getMessage();
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION, "cannot serve Docker on " + settings.socket() + ": " + reason, e);
        }
    }

    private void serve() throws Exception {
        UnixDomainServerConnector connector =
                new UnixDomainServerConnector(server, 1, 1, new BlankHost(configuration()));
        connector.setUnixDomainPath(socket.prepare());
        connector.setIdleTimeout(IDLE.toMillis());
        server.addConnector(connector);
        connector.addBean(new ConnectionLimit());
        server.setHandler(new Calls(new VolumeApi(driver, log)));
        server.setErrorHandler(DockerServer::answerError);
        server.start();
        socket.publish();
    }

    /**
     * Closes connections over the bound as they come. Jetty's own limit interrupts the thread that accepts, which closes the
     * listening channel of a Unix socket for good.
     */
    private static final class ConnectionLimit implements Connection.Listener {
        private final AtomicInteger open = new AtomicInteger();

        @Override
        public void onOpened(Connection connection) {
            if (open.incrementAndGet() > MAX_CONNECTIONS) {
                connection.close();
            }
        }

        @Override
        public void onClosed(Connection connection) {
            open.decrementAndGet();
        }
    }

    private static HttpConfiguration configuration() {
        HttpConfiguration configuration = new HttpConfiguration();
        configuration.setSendServerVersion(false);
        configuration.setSendDateHeader(false);
        configuration.setRequestHeaderSize(BUFFER_BYTES);
        configuration.setOutputBufferSize(BUFFER_BYTES);
        return configuration;
    }

    /** Answers what Jetty itself refuses, as the API does. */
    private static boolean answerError(Request request, Response response, Callback callback) {
        Object message = request.getAttribute("org.eclipse.jetty.server.error_message");
        answer(response, callback, VolumeApi.Answer.error(response.getStatus(), String.valueOf(message)));
        return true;
    }

    private static void answer(Response response, Callback callback, VolumeApi.Answer answer) {
        response.setStatus(answer.status());
        HttpFields.Mutable headers = response.getHeaders();
        headers.put(HttpHeader.CONTENT_TYPE, CONTENT_TYPE);
        headers.put(HttpHeader.CONTENT_LENGTH, answer.body().remaining());
        response.write(true, answer.body().duplicate(), callback);
    }

    /** Reads a call's body without waiting for it on a thread, then makes the call. */
    private final class Calls extends Handler.Abstract {
        private final VolumeApi api;

        Calls(VolumeApi api) {
            this.api = api;
        }

        @Override
        public boolean handle(Request request, Response response, Callback callback) {
            String path = request.getHttpURI().getPath();
            Optional<VolumeApi.Call> call = VolumeApi.Call.of(path);
            if (call.isEmpty()) {
                refuse(response, callback, 404, "no such call: " + Fault.quote(path));
            } else if (!HttpMethod.POST.is(request.getMethod())) {
                response.getHeaders().put(HttpHeader.ALLOW, "POST");
                refuse(response, callback, 405, "a call is a POST");
            } else if (request.getLength() > MAX_BODY_BYTES) {
                refuse(response, callback, 413, TOO_LONG);
            } else {
                Content.Source.asByteArrayAsync(request, MAX_BODY_BYTES, new Body(call.get(), response, callback));
            }
            return true;
        }

        private void refuse(Response response, Callback callback, int status, String message) {
            answer(response, callback, VolumeApi.Answer.error(status, message));
        }

        /** What becomes of a body that was read. */
        private final class Body implements Promise.Invocable<byte[]> {
            private final VolumeApi.Call call;
            private final Response response;
            private final Callback callback;

            Body(VolumeApi.Call call, Response response, Callback callback) {
                this.call = call;
                this.response = response;
                this.callback = callback;
            }

            @Override
            public void succeeded(byte[] body) {
                if (call.asks()) {
                    make(body);
                    return;
                }
                try {
                    changes.execute(() -> make(body));
                } catch (RejectedExecutionException e) {
                    refuse(response, callback, 503, "too many calls are waiting, or the plugin stops; try again");
                }
            }

            private void make(byte[] body) {
                answer(response, callback, api.call(call, body));
            }

            @Override
            public void failed(Throwable failure) {
                if (failure instanceof IllegalStateException) { // that is how a length over the limit is told
                    refuse(response, callback, 413, TOO_LONG);
                } else {
                    callback.failed(failure);
                }
            }

            @Override
            public InvocationType getInvocationType() {
                return InvocationType.BLOCKING;
            }
        }
    }

    private static final String TOO_LONG = "the request's body is longer than " + MAX_BODY_BYTES + " bytes";

    /** Whether callers find the socket and it takes connections: false when somebody has removed or replaced its file. */
    public boolean isInPlace() {
        return socket.isInPlace();
    }

    /**
     * Stops: takes no new calls, waits for those that run, and removes the socket. Bounded by the patience and a few
     * seconds; does nothing the second time.
     */
    public void stop(Duration patience) {
        socket.remove();
        changes.shutdown();
        try {
            if (!changes.awaitTermination(patience.toMillis(), TimeUnit.MILLISECONDS)) {
                LoggerFactory.getLogger(DockerServer.class).warn("calls are cut after {} ms", patience.toMillis());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        end();
    }

    private void end() {
        changes.shutdownNow();
        log.close();
        try {
            server.stop();
        } catch (Exception e) { // Jetty's stop declares no less
            LoggerFactory.getLogger(DockerServer.class).warn("Jetty has not stopped in order", e);
        }
        driver.close();
    }

    /** Stops at once. */
    @Override
    public void close() {
        stop(Duration.ZERO);
    }
}
