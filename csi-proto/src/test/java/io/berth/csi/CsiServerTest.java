package io.berth.csi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import io.berth.csi.v1.ControllerGrpc;
import io.berth.csi.v1.CreateVolumeRequest;
import io.berth.csi.v1.CreateVolumeResponse;
import io.berth.csi.v1.IdentityGrpc;
import io.berth.csi.v1.NodeGrpc;
import io.berth.csi.v1.NodeStageVolumeRequest;
import io.berth.csi.v1.NodeStageVolumeResponse;
import io.berth.csi.v1.ProbeRequest;
import io.berth.fault.Fault;
import io.berth.socket.EndedCall;
import io.berth.socket.Endpoint;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.slf4j.LoggerFactory;

class CsiServerTest {
    private static final int MAX_CALLS = 8;

    @TempDir
    Path folder;

    private final List<AutoCloseable> toClose = new ArrayList<>();
    private final ListAppender<ILoggingEvent> log = new ListAppender<>();
    private final Logger root = (Logger) LoggerFactory.getLogger("io.berth");
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Queue<EndedCall> ended = new ConcurrentLinkedQueue<>();
    private Path socket;

    /** What CreateVolume does; by default it answers. */
    private volatile Consumer<CreateVolumeRequest> handler = request -> {};

    @BeforeEach
    void listenToTheLog() {
        socket = folder.resolve("csi.sock");
        log.list = new CopyOnWriteArrayList<>(); // tests read it while the server logs
        log.start();
        root.addAppender(log);
        root.setLevel(Level.TRACE);
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable each : toClose.reversed()) {
            each.close();
        }
        threads.shutdownNow();
        root.detachAppender(log);
    }

    private CsiServer start() {
        CsiServer server = CsiServer.start(
                new Endpoint(socket),
                MAX_CALLS,
                Duration.ofMillis(100),
                Optional.of(ended::add),
                List.of(
                        new IdentityService(new DriverName("test.berth.io"), "1", List.of(), () -> true),
                        new ControllerGrpc.ControllerImplBase() {
                            @Override
                            public void createVolume(
                                    CreateVolumeRequest request, StreamObserver<CreateVolumeResponse> observer) {
                                handler.accept(request);
                                Replies.reply(observer, CreateVolumeResponse.getDefaultInstance());
                            }
                        },
                        new NodeGrpc.NodeImplBase() {
                            @Override
                            public void nodeStageVolume(
                                    NodeStageVolumeRequest request, StreamObserver<NodeStageVolumeResponse> observer) {
                                Replies.reply(observer, NodeStageVolumeResponse.getDefaultInstance());
                            }
                        }));
        toClose.add(server);
        return server;
    }

    private CsiChannel channel() {
        CsiChannel channel = CsiChannel.open(new Endpoint(socket));
        toClose.add(channel);
        return channel;
    }

    private ControllerGrpc.ControllerBlockingStub controller() {
        return ControllerGrpc.newBlockingStub(channel().channel()).withDeadlineAfter(60, TimeUnit.SECONDS);
    }

    private boolean probe() {
        return IdentityGrpc.newBlockingStub(channel().channel())
                .withDeadlineAfter(60, TimeUnit.SECONDS)
                .probe(ProbeRequest.getDefaultInstance())
                .getReady()
                .getValue();
    }

    private static CreateVolumeRequest named(String name) {
        return CreateVolumeRequest.newBuilder().setName(name).build();
    }

    private static Consumer<Throwable> status(Status.Code code) {
        return thrown -> assertThat(thrown)
                .isInstanceOfSatisfying(
                        StatusRuntimeException.class,
                        e -> assertThat(e.getStatus().getCode()).isEqualTo(code));
    }

    @Test
    void foldersAreMadeAndTheSocketIsTheGroupsAndGoneAtTheEnd() throws Exception {
        socket = folder.resolve("a/b/csi.sock");
        CsiServer server = start();
        assertThat(Files.getPosixFilePermissions(socket)).isEqualTo(PosixFilePermissions.fromString("rw-rw----"));
        assertThat(probe()).isTrue();
        server.stop(Duration.ofSeconds(5));
        assertThat(socket).doesNotExist();
        server.stop(Duration.ofSeconds(5));
    }

    @Test
    void aStaleSocketIsReplaced() throws Exception {
        try (ServerSocketChannel stale = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            stale.bind(UnixDomainSocketAddress.of(socket));
        }
        assertThat(socket).exists();
        start();
        assertThat(probe()).isTrue();
    }

    @Test
    void aSocketThatSomebodyServesIsLeftAlone() {
        start();
        assertThatThrownBy(this::start).isInstanceOf(Fault.class).hasMessageContaining("another process serves");
        assertThat(probe()).isTrue();
    }

    @Test
    void aFileThatIsNoSocketIsLeftAlone() throws Exception {
        Files.writeString(socket, "precious");
        assertThatThrownBy(this::start).isInstanceOf(Fault.class).hasMessageContaining("no socket");
        assertThat(socket).hasContent("precious");
    }

    @Test
    void aSuccessorsSocketIsNotRemoved() throws Exception {
        CsiServer first = start();
        Files.delete(socket);
        start();
        first.stop(Duration.ofSeconds(5));
        assertThat(probe()).isTrue();
    }

    @Test
    void aStopWaitsForACallAndRefusesNewOnes() throws Exception {
        CsiServer server = start();
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        handler = request -> await(begun, end);
        CompletableFuture<CreateVolumeResponse> call =
                CompletableFuture.supplyAsync(() -> controller().createVolume(named("v")), threads);
        begun.await();
        CompletableFuture<Void> stop = CompletableFuture.runAsync(() -> server.stop(Duration.ofSeconds(10)), threads);
        assertThat(stop).isNotDone();
        end.countDown();
        assertThat(call.get(60, TimeUnit.SECONDS)).isNotNull();
        stop.get(60, TimeUnit.SECONDS);
    }

    @Test
    void aStopIsBoundedWhenACallHangs() throws Exception {
        CsiServer server = start();
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        handler = request -> await(begun, end);
        CompletableFuture<CreateVolumeResponse> call =
                CompletableFuture.supplyAsync(() -> controller().createVolume(named("v")), threads);
        begun.await();
        CompletableFuture.runAsync(() -> server.stop(Duration.ofMillis(200)), threads)
                .get(60, TimeUnit.SECONDS);
        assertThat(call).failsWithin(Duration.ofSeconds(30));
        end.countDown();
    }

    private static void await(CountDownLatch begun, CountDownLatch end) {
        begun.countDown();
        try {
            assertThat(end.await(60, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void callsOverTheLimitAreRefusedAndTheRestGoOn() throws Exception {
        start();
        CountDownLatch begun = new CountDownLatch(MAX_CALLS);
        CountDownLatch end = new CountDownLatch(1);
        handler = request -> await(begun, end);
        ControllerGrpc.ControllerFutureStub stub =
                ControllerGrpc.newFutureStub(channel().channel());
        var calls = new ArrayList<java.util.concurrent.Future<CreateVolumeResponse>>();
        for (int i = 0; i < MAX_CALLS; i++) {
            calls.add(stub.createVolume(named("v" + i)));
        }
        begun.await();
        assertThatThrownBy(() -> controller().createVolume(named("more")))
                .satisfies(status(Status.Code.UNAVAILABLE))
                .hasMessageContaining("--max-calls");
        end.countDown();
        for (var call : calls) {
            assertThat(call.get(60, TimeUnit.SECONDS)).isNotNull();
        }
        assertThat(controller().createVolume(named("after"))).isNotNull();
    }

    /** As many as the sidecars of a controller make, with a hundred workers by default. */
    @Test
    void aHundredAndFiftyCallsOfAControllerKeepNoPodFromItsMountsAndNobodyFromProbe() throws Exception {
        start();
        CountDownLatch begun = new CountDownLatch(MAX_CALLS);
        CountDownLatch end = new CountDownLatch(1);
        handler = request -> await(begun, end);
        ControllerGrpc.ControllerFutureStub stub =
                ControllerGrpc.newFutureStub(channel().channel());
        var calls = new ArrayList<java.util.concurrent.Future<CreateVolumeResponse>>();
        for (int i = 0; i < 150; i++) {
            calls.add(stub.createVolume(named("v" + i)));
        }
        begun.await();
        assertThat(probe()).isTrue();
        assertThat(NodeGrpc.newBlockingStub(channel().channel())
                        .withDeadlineAfter(60, TimeUnit.SECONDS)
                        .nodeStageVolume(NodeStageVolumeRequest.getDefaultInstance()))
                .isNotNull();
        end.countDown();
        int answered = 0;
        for (var call : calls) {
            try {
                answered += call.get(60, TimeUnit.SECONDS).isInitialized() ? 1 : 0;
            } catch (ExecutionException e) {
                assertThat(e.getCause()).satisfies(status(Status.Code.UNAVAILABLE));
            }
        }
        assertThat(answered).isGreaterThanOrEqualTo(MAX_CALLS);
    }

    @ParameterizedTest
    @EnumSource(Fault.Kind.class)
    void everyKindOfFaultHasItsCodeAndKeepsItsText(Fault.Kind kind) {
        start();
        handler = request -> {
            throw new Fault(kind, "the reason");
        };
        assertThatThrownBy(() -> controller().createVolume(named("v")))
                .hasMessageContaining("the reason")
                .satisfies(thrown -> assertThat(
                                ((StatusRuntimeException) thrown).getStatus().getCode())
                        .isNotIn(Status.Code.UNKNOWN, Status.Code.OK));
    }

    @Test
    void aDefectEndsItsCallAndNoOther() {
        start();
        for (Runnable defect : List.<Runnable>of(CsiServerTest::overflow, () -> {
            throw new IllegalStateException("secret details");
        })) {
            handler = request -> defect.run();
            assertThatThrownBy(() -> controller().createVolume(named("v")))
                    .satisfies(status(Status.Code.INTERNAL))
                    .hasMessageContaining("request")
                    .hasMessageNotContaining("details");
        }
        handler = request -> {};
        assertThat(controller().createVolume(named("v"))).isNotNull();
        assertThat(log.list)
                .filteredOn(event -> event.getLevel() == Level.ERROR)
                .hasSize(2);
    }

    @SuppressWarnings("InfiniteRecursion")
    private static void overflow() {
        overflow();
    }

    @Test
    void oneLineACallWithItsIdAndNeverASecret() {
        start();
        var unused = controller()
                .createVolume(CreateVolumeRequest.newBuilder()
                        .setName("v\u202e")
                        .putSecrets("password", "hunter2")
                        .putParameters("pool", "fast")
                        .build());
        awaitLog(1);
        assertThat(log.list)
                .filteredOn(event -> event.getLevel() == Level.INFO)
                .singleElement()
                .satisfies(event -> {
                    assertThat(event.getFormattedMessage()).contains("CreateVolume", "OK", "ms");
                    assertThat(event.getMDCPropertyMap()).containsKey("request");
                });
        assertThat(log.list)
                .anySatisfy(event -> assertThat(event.getFormattedMessage()).contains("***stripped***", "fast"));
        assertThat(log.list)
                .noneSatisfy(event -> assertThat(event.getFormattedMessage()).contains("hunter2"));
    }

    private void awaitLog(int lines) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
        while (log.list.stream().filter(event -> event.getLevel() == Level.INFO).count() < lines
                && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
    }

    @Test
    void aSlowCallIsSaidWhileItRuns() {
        start();
        handler = request -> {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
            while (log.list.stream().noneMatch(event -> event.getLevel() == Level.WARN)
                    && System.nanoTime() < deadline) {
                Thread.onSpinWait();
            }
        };
        var unused = controller().createVolume(named("v"));
        assertThat(log.list)
                .anySatisfy(event -> assertThat(event.getFormattedMessage()).contains("has been running"));
    }

    @Test
    void whatIsTooLargeIsRefusedWithTheField() {
        start();
        assertThatThrownBy(() -> controller().createVolume(named("x".repeat(129))))
                .satisfies(status(Status.Code.INVALID_ARGUMENT))
                .hasMessageContaining("name has 129 bytes");
        assertThatThrownBy(() -> controller()
                        .createVolume(CreateVolumeRequest.newBuilder()
                                .setName("v")
                                .putParameters("key", "x".repeat(4096))
                                .build()))
                .satisfies(status(Status.Code.INVALID_ARGUMENT))
                .hasMessageContaining("parameters");
        assertThatThrownBy(() -> controller().createVolume(named("a\nb")))
                .satisfies(status(Status.Code.INVALID_ARGUMENT))
                .hasMessageContaining("control characters");
        assertThat(controller().createVolume(named("x".repeat(128)))).isNotNull();
    }

    @Test
    void aMessageOfFiveMebibytesIsRefusedAndTheNextIsServed() {
        start();
        UnknownFieldSet.Field junk = UnknownFieldSet.Field.newBuilder()
                .addLengthDelimited(ByteString.copyFrom(new byte[5 << 20]))
                .build();
        CreateVolumeRequest large = CreateVolumeRequest.newBuilder()
                .setUnknownFields(
                        UnknownFieldSet.newBuilder().addField(5000, junk).build())
                .build();
        assertThatThrownBy(() -> controller().createVolume(large)).satisfies(status(Status.Code.RESOURCE_EXHAUSTED));
        assertThat(probe()).isTrue();
    }

    @Test
    void everyCallIsToldOfOnceBeforeItsAnswer() throws Exception {
        start();
        probe();
        handler = request -> {
            throw new Fault(Fault.Kind.RESOURCE_EXHAUSTED, "full");
        };
        assertThatThrownBy(() -> controller().createVolume(named("v")))
                .satisfies(status(Status.Code.RESOURCE_EXHAUSTED));
        assertThatThrownBy(
                        () -> controller().createSnapshot(io.berth.csi.v1.CreateSnapshotRequest.getDefaultInstance()))
                .satisfies(status(Status.Code.UNIMPLEMENTED));
        assertThat(ended)
                .extracting(EndedCall::service, EndedCall::method, EndedCall::code)
                .containsExactly(
                        tuple("csi.v1.Identity", "Probe", "OK"),
                        tuple("csi.v1.Controller", "CreateVolume", "RESOURCE_EXHAUSTED"),
                        tuple("csi.v1.Controller", "CreateSnapshot", "UNIMPLEMENTED"));
        assertThat(ended)
                .allSatisfy(call -> assertThat(call.took()).isBetween(Duration.ofNanos(1), Duration.ofSeconds(20)));
    }

    @Test
    void aCallThatIsRefusedOrGivenUpIsToldOfToo() throws Exception {
        start();
        CountDownLatch begun = new CountDownLatch(MAX_CALLS);
        CountDownLatch end = new CountDownLatch(1);
        handler = request -> await(begun, end);
        ControllerGrpc.ControllerFutureStub stub =
                ControllerGrpc.newFutureStub(channel().channel());
        var calls = new ArrayList<java.util.concurrent.Future<CreateVolumeResponse>>();
        for (int i = 0; i < MAX_CALLS; i++) {
            calls.add(stub.createVolume(named("v" + i)));
        }
        begun.await();
        assertThatThrownBy(() -> controller().createVolume(named("more"))).satisfies(status(Status.Code.UNAVAILABLE));
        assertThat(ended).singleElement().extracting(EndedCall::code).isEqualTo("UNAVAILABLE");
        calls.forEach(call -> call.cancel(true));
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (ended.size() <= MAX_CALLS && System.nanoTime() < deadline) {
            Thread.onSpinWait();
        }
        end.countDown();
        assertThat(ended)
                .extracting(EndedCall::code)
                .filteredOn("CANCELLED"::equals)
                .hasSize(MAX_CALLS);
    }

    @Test
    void aSocketWhoseFileIsGoneOrReplacedIsNotInPlace() throws Exception {
        CsiServer server = start();
        assertThat(server.isInPlace()).isTrue();
        Files.move(socket, folder.resolve("elsewhere"));
        assertThat(server.isInPlace()).isFalse();
        CsiServer successor = start();
        assertThat(server.isInPlace()).isFalse();
        assertThat(successor.isInPlace()).isTrue();
    }

    @Test
    void whatIsNotOfferedIsUnimplemented() {
        start();
        assertThatThrownBy(
                        () -> controller().createSnapshot(io.berth.csi.v1.CreateSnapshotRequest.getDefaultInstance()))
                .satisfies(status(Status.Code.UNIMPLEMENTED));
    }

    @Test
    void idleConnectionsOverTheBoundTakeNobodysCalls() throws Exception {
        start();
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        handler = request -> await(begun, end);
        CompletableFuture<CreateVolumeResponse> call =
                CompletableFuture.supplyAsync(() -> controller().createVolume(named("v")), threads);
        begun.await();
        List<SocketChannel> idle = new ArrayList<>();
        try {
            for (int i = 0; i < 2 * SocketServer.MAX_CONNECTIONS; i++) {
                idle.add(SocketChannel.open(UnixDomainSocketAddress.of(socket)));
            }
            ByteBuffer bytes = ByteBuffer.allocate(1 << 12);
            while (idle.getFirst().read(bytes.clear()) >= 0) {
                Thread.onSpinWait(); // the server's settings come before the end
            }
            assertThat(probe()).isTrue();
            end.countDown();
            assertThat(call.get(60, TimeUnit.SECONDS)).isNotNull();
        } finally {
            for (SocketChannel each : idle) {
                each.close();
            }
        }
    }
}
