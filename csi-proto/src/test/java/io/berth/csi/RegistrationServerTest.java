package io.berth.csi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Descriptors.Descriptor;
import io.berth.csi.registration.v1.InfoRequest;
import io.berth.csi.registration.v1.PluginInfo;
import io.berth.csi.registration.v1.Pluginregistration;
import io.berth.csi.registration.v1.RegistrationGrpc;
import io.berth.csi.registration.v1.RegistrationStatus;
import io.berth.fault.Fault;
import io.berth.socket.Endpoint;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a kubelet does with the socket, done to it. */
class RegistrationServerTest {
    @TempDir
    Path folder;

    private final List<AutoCloseable> toClose = new ArrayList<>();
    private Path socket;

    @BeforeEach
    void name() {
        socket = folder.resolve("test.berth.io-reg.sock");
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable each : toClose.reversed()) {
            each.close();
        }
    }

    private RegistrationServer start() {
        RegistrationServer server = RegistrationServer.start(
                new Endpoint(socket),
                new DriverName("test.berth.io"),
                new Endpoint(Path.of("/var/lib/kubelet/plugins/test.berth.io/csi.sock")));
        toClose.add(server);
        return server;
    }

    /** Makes a call as a kubelet does: on a connection of its own. */
    private <T> T asKubelet(Function<RegistrationGrpc.RegistrationBlockingStub, T> call) {
        try (CsiChannel channel = CsiChannel.open(new Endpoint(socket))) {
            return call.apply(
                    RegistrationGrpc.newBlockingStub(channel.channel()).withDeadlineAfter(60, TimeUnit.SECONDS));
        }
    }

    private PluginInfo info() {
        return asKubelet(kubelet -> kubelet.getInfo(InfoRequest.getDefaultInstance()));
    }

    private void say(boolean registered, String error) {
        asKubelet(kubelet -> kubelet.notifyRegistrationStatus(RegistrationStatus.newBuilder()
                .setPluginRegistered(registered)
                .setError(error)
                .build()));
    }

    @Test
    void theKubeletLearnsNameKindAndSocketEachTimeItAsks() {
        start();
        PluginInfo expected = PluginInfo.newBuilder()
                .setType("CSIPlugin")
                .setName("test.berth.io")
                .setEndpoint("/var/lib/kubelet/plugins/test.berth.io/csi.sock")
                .addSupportedVersions("1.0.0")
                .build();
        assertThat(info()).isEqualTo(expected);
        say(true, "");
        assertThat(info()).as("asked by a kubelet that started anew").isEqualTo(expected);
    }

    @Test
    void itIsRegisteredWhenTheKubeletSaysSo() {
        RegistrationServer server = start();
        assertThat(server.isRegistered()).isFalse();
        say(true, "");
        assertThat(server.isRegistered()).isTrue();
        say(false, "no such \u001b[31m driver ".repeat(10_000));
        assertThat(server.isRegistered()).isFalse();
        say(true, "");
        assertThat(server.isRegistered()).isTrue();
    }

    @Test
    void theSocketAppearsFinishedUnderItsNameAndGoesAtTheEnd() throws Exception {
        try (WatchService watch = folder.getFileSystem().newWatchService()) {
            folder.register(watch, StandardWatchEventKinds.ENTRY_CREATE);
            RegistrationServer server = start();
            List<String> created = new ArrayList<>();
            while (!created.contains(socket.getFileName().toString())) {
                WatchKey key = watch.poll(20, TimeUnit.SECONDS);
                assertThat(key).as("a file in the folder").isNotNull();
                for (WatchEvent<?> event : key.pollEvents()) {
                    created.add(String.valueOf(event.context()));
                }
                key.reset();
            }
            assertThat(created)
                    .as("a kubelet leaves out what begins with a dot")
                    .allMatch(name -> name.startsWith(".")
                            || name.equals(socket.getFileName().toString()));
            assertThat(Files.getPosixFilePermissions(socket)).isEqualTo(PosixFilePermissions.fromString("rw-rw----"));
            assertThat(server.isInPlace()).isTrue();
            server.close();
            assertThat(folder).isEmptyDirectory();
            server.close();
        }
    }

    @Test
    void theSocketOfAKilledDriverIsReplacedAndThatOfALivingIsNot() throws Exception {
        try (ServerSocketChannel stale = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            stale.bind(UnixDomainSocketAddress.of(socket));
        }
        start();
        assertThat(info().getName()).isEqualTo("test.berth.io");
        assertThatThrownBy(this::start).isInstanceOf(Fault.class).hasMessageContaining("another process serves");
        assertThat(info().getName()).isEqualTo("test.berth.io");
    }

    @Test
    void theContractIsThatOfTheKubelet() {
        List<String> facts = new ArrayList<>();
        for (Descriptor message : Pluginregistration.getDescriptor().getMessageTypes()) {
            facts.add(message.getFullName());
            message.getFields()
                    .forEach(field -> facts.add(field.getFullName() + " " + field.getNumber() + " " + field.getType()
                            + (field.isRepeated() ? " repeated" : "")));
        }
        assertThat(facts)
                .containsExactlyInAnyOrder(
                        "pluginregistration.InfoRequest",
                        "pluginregistration.PluginInfo",
                        "pluginregistration.PluginInfo.type 1 STRING",
                        "pluginregistration.PluginInfo.name 2 STRING",
                        "pluginregistration.PluginInfo.endpoint 3 STRING",
                        "pluginregistration.PluginInfo.supported_versions 4 STRING repeated",
                        "pluginregistration.RegistrationStatus",
                        "pluginregistration.RegistrationStatus.plugin_registered 1 BOOL",
                        "pluginregistration.RegistrationStatus.error 2 STRING",
                        "pluginregistration.RegistrationStatusResponse");
        assertThat(RegistrationGrpc.getServiceDescriptor().getMethods())
                .extracting(method -> method.getFullMethodName())
                .containsExactlyInAnyOrder(
                        "pluginregistration.Registration/GetInfo",
                        "pluginregistration.Registration/NotifyRegistrationStatus");
    }
}
