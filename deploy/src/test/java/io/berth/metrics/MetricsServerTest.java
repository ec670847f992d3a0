package io.berth.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.berth.fault.Fault;
import io.berth.metrics.MetricsServer.Page;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** HTTP on raw bytes. */
@Timeout(120)
class MetricsServerTest {
    private static final int PATIENCE_MILLIS = 60_000;

    private final CountDownLatch end = new CountDownLatch(1);
    private final List<Socket> sockets = new ArrayList<>();
    private MetricsServer server;

    @BeforeEach
    void start() {
        server = MetricsServer.start(
                InetSocketAddress.createUnresolved("127.0.0.1", 0),
                Map.of(
                        "/fine", () -> Page.ok("fine"),
                        "/large", () -> new Page(200, "text/plain", "x".repeat(50 << 20)),
                        "/ill", () -> Page.unavailable("ill"),
                        "/wrong",
                                () -> {
                                    throw new IllegalStateException("secret details");
                                },
                        "/hangs", this::hang));
    }

    private Page hang() {
        try {
            return Page.ok(end.await(60, TimeUnit.SECONDS) ? "over" : "too long");
        } catch (InterruptedException e) {
            return Page.ok("interrupted");
        }
    }

    @AfterEach
    void stop() throws IOException {
        end.countDown();
        for (Socket socket : sockets) {
            socket.close();
        }
        server.close();
        server.close();
    }

    private Socket send(String request) throws IOException {
        Socket socket = new Socket();
        sockets.add(socket);
        socket.setSoTimeout(PATIENCE_MILLIS);
        socket.connect(server.address(), PATIENCE_MILLIS);
        socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
        return socket;
    }

    private static String rest(Socket socket) throws IOException {
        return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    private String ask(String method, String path) throws IOException {
        return rest(send(method + " " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"));
    }

    @ParameterizedTest
    @CsvSource({
        "GET, /fine, 200, fine",
        "GET, /fine?a=/ill, 200, fine",
        "GET, /ill, 503, ill",
        "GET, /wrong, 500, a defect of Berth",
        "GET, /, 404, /fine",
        "GET, /fine/, 404, /fine",
        "POST, /fine, 405, only GET and HEAD",
        "BREW, /fine, 405, only GET and HEAD",
    })
    void everyRequestGetsOneAnswerAndTheEndOfItsConnection(String method, String path, int status, String body)
            throws IOException {
        assertThat(ask(method, path))
                .startsWith("HTTP/1.1 " + status + " ")
                .contains("connection: close\r\n", body)
                .doesNotContain("details");
    }

    @Test
    void headHasNoBody() throws IOException {
        assertThat(ask("HEAD", "/fine"))
                .startsWith("HTTP/1.1 200 ")
                .contains("content-length: 5")
                .endsWith("\r\n\r\n");
    }

    @ParameterizedTest
    @CsvSource({"'\u0001\u0002\r\n\r\n'", "'GET /fine HTTP/9\r\n\r\n'"})
    void whatIsNoRequestIsRefused(String bytes) throws IOException {
        assertThat(rest(send(bytes))).startsWith("HTTP/1.1 400 ");
    }

    @Test
    void headersWithoutEndAreRefused() throws IOException {
        Socket socket = send("GET /fine HTTP/1.1\r\nA: " + "x".repeat(9000));
        byte[] answer = socket.getInputStream().readNBytes(12);
        assertThat(new String(answer, StandardCharsets.US_ASCII)).isEqualTo("HTTP/1.1 400");
    }

    @Test
    void aPageThatHangsHoldsUpNoOtherAndItsQueueIsBounded() throws IOException {
        List<Socket> waiting = new ArrayList<>();
        for (int i = 0; i < 17; i++) { // one is being made, sixteen wait
            waiting.add(send("GET /hangs HTTP/1.0\r\n\r\n"));
        }
        assertThat(ask("GET", "/fine")).contains("fine");
        assertThat(ask("GET", "/hangs")).startsWith("HTTP/1.1 503 ").contains("too many");
        end.countDown();
        for (Socket each : waiting) {
            assertThat(rest(each)).contains("over");
        }
    }

    @Test
    void slowClientsHoldNobodyUpAndAreCutAfterTheirTime() throws IOException {
        long start = System.nanoTime();
        Socket never = send("GET /fine HTTP/1.1\r\nHost");
        Socket readsNothing = send("GET /large HTTP/1.1\r\n\r\n");
        for (int i = 0; i < 40; i++) {
            send("G");
        }
        assertThat(ask("GET", "/fine")).contains("fine");
        assertThat(never.getInputStream().read()).isEqualTo(-1);
        assertThat(TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start)).isBetween(9L, 50L);
        assertThat(readUntilCut(readsNothing)).isLessThan(50 << 20);
    }

    private static long readUntilCut(Socket socket) throws IOException {
        InputStream in = socket.getInputStream();
        long bytes = 0;
        byte[] some = new byte[1 << 16];
        try {
            for (int read = in.read(some); read >= 0; read = in.read(some)) {
                bytes += read;
            }
        } catch (java.net.SocketException e) {
            return bytes; // reset, as what was left was thrown away
        }
        return bytes;
    }

    /** Starts it anew, so that no connection ends for its age. */
    private void restart(Map<String, Supplier<Page>> pages) {
        server.close();
        server = MetricsServer.start(InetSocketAddress.createUnresolved("127.0.0.1", 0), pages, Duration.ofHours(1));
    }

    /** A client that connects and asks nothing. */
    private Socket idle() throws IOException {
        return send("G");
    }

    @Test
    void peersThatAskNothingKeepNobodyFromAnAnswer() throws IOException {
        restart(Map.of("/fine", () -> Page.ok("fine")));
        List<Socket> idle = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            idle.add(idle());
        }
        for (int i = 0; i < 10; i++) {
            assertThat(ask("GET", "/fine")).contains("fine");
            idle.add(idle());
        }
        assertThat(readUntilCut(idle.getFirst())).isZero();
    }

    @Test
    void whoAskedKeepsItsPlaceBeforeThoseWhoDidNot() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        restart(Map.of("/fine", () -> Page.ok("fine"), "/hangs", () -> {
            begun.countDown();
            return hang();
        }));
        Socket first = send("GET /hangs HTTP/1.0\r\n\r\n");
        assertThat(begun.await(PATIENCE_MILLIS, TimeUnit.MILLISECONDS)).isTrue();
        for (int i = 0; i < 64; i++) {
            idle();
        }
        assertThat(ask("GET", "/fine")).contains("fine");
        end.countDown();
        assertThat(rest(first)).contains("over");
    }

    @Test
    void whereAllHaveAskedOneOfThemGoes() throws Exception {
        CountDownLatch begun = new CountDownLatch(64);
        Map<String, Supplier<Page>> pages = new HashMap<>(Map.of("/fine", () -> Page.ok("fine")));
        for (int i = 0; i < 64; i++) {
            pages.put("/hangs" + i, () -> {
                begun.countDown();
                return hang();
            });
        }
        restart(pages);
        List<Socket> asked = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            asked.add(send("GET /hangs" + i + " HTTP/1.0\r\n\r\n"));
        }
        assertThat(begun.await(PATIENCE_MILLIS, TimeUnit.MILLISECONDS)).isTrue();
        assertThat(ask("GET", "/fine")).contains("fine");
        end.countDown();
        int cut = 0;
        for (Socket each : asked) {
            cut += readUntilCut(each) == 0 ? 1 : 0;
        }
        assertThat(cut).isEqualTo(1);
    }

    @Test
    void anAddressThatCannotBeHadIsNamed() throws IOException {
        try (ServerSocket taken = new ServerSocket(0)) {
            assertThatThrownBy(() -> MetricsServer.start(
                            InetSocketAddress.createUnresolved("127.0.0.1", taken.getLocalPort()), Map.of()))
                    .isInstanceOf(Fault.class)
                    .hasMessageContaining("127.0.0.1:" + taken.getLocalPort());
        }
        assertThatThrownBy(() ->
                        MetricsServer.start(InetSocketAddress.createUnresolved("no-such-host.invalid", 1), Map.of()))
                .isInstanceOf(Fault.class)
                .hasMessageContaining("no-such-host.invalid:1");
    }
}
