package io.berth.docker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.berth.socket.EndedCall;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The protocol, on raw bytes. */
class DockerServerTest {
    @TempDir
    Path folder;

    private Plugin plugin;
    private PluginClient client;

    @BeforeEach
    void start() throws IOException {
        plugin = new Plugin(folder);
        client = plugin.connect();
    }

    @AfterEach
    void stop() throws IOException {
        client.close();
        plugin.close();
    }

    @Test
    void anEmptyHostHeaderIsTaken() throws IOException {
        PluginClient.Answer answer = client.call("Plugin.Activate", "");

        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.body()).isEqualTo("{\"Implements\":[\"VolumeDriver\"]}");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Host: \r\n",
                "Host:\r\n",
                "Host: plugin.moby.localhost\r\n",
                "Host: localhost\r\n",
                "Host: %2Frun%2Fdocker\r\n"
            })
    void everyDockersHostHeaderGetsTheSameAnswer(String host) throws IOException {
        PluginClient.Answer answer = client.send("POST /VolumeDriver.Capabilities HTTP/1.1\r\n" + host
                + "Content-Length: 2\r\nContent-Type: application/json\r\n\r\n{}");

        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.body()).isEqualTo("{\"Capabilities\":{\"Scope\":\"local\"}}");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"application/vnd.docker.plugins.v1.1+json", "application/vnd.docker.plugins.v1.2+json", "*/*"})
    void anAnswerHasDockersContentTypeWhateverIsAccepted(String accept) throws IOException {
        PluginClient.Answer answer = client.send(
                "POST /VolumeDriver.List HTTP/1.1\r\nHost: \r\nAccept: " + accept + "\r\nContent-Length: 2\r\n\r\n{}");

        assertThat(answer.headers()).containsEntry("content-type", "application/vnd.docker.plugins.v1.1+json");
        assertThat(answer.body()).isEqualTo("{\"Err\":\"\",\"Volumes\":[]}");
    }

    @Test
    void oneConnectionTakesManyCalls() throws IOException {
        for (int i = 0; i < 100; i++) {
            assertThat(client.volume("Get", "").err()).contains("volume name \"\"");
            assertThat(client.create("c" + i, Map.of()).body()).isEqualTo("{\"Err\":\"\"}");
        }
    }

    @Test
    void aBodyInChunksIsReadWhole() throws IOException {
        String head = "POST /VolumeDriver.Create HTTP/1.1\r\nHost: \r\nTransfer-Encoding: chunked\r\n\r\n";
        String chunks = String.join("\r\n", "8", "{\"Name\":", "5", "\"c1\"}", "0", "", "");

        assertThat(client.send(head + chunks).body()).isEqualTo("{\"Err\":\"\"}");
        assertThat(client.volume("Get", "c1").err()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "''|is empty",
                "{|is not JSON",
                "{}x|is not JSON",
                "[]|is no JSON object",
                "null|is no JSON object",
                "{\"Name\":1}|Name that is no text",
                "{\"Name\":\"a\",\"Name\":\"b\"}|is not JSON",
                "{\"Name\":\"a\",\"Opts\":[]}|Opts that are no object",
                "{\"Name\":\"a\",\"Opts\":{\"size\":1}}|option size that is no text",
            })
    void aMalformedBodyIsRefused(String body, String why) throws IOException {
        PluginClient.Answer answer = client.call("VolumeDriver.Create", body);

        assertThat(answer.status()).isEqualTo(400);
        assertThat(answer.err()).contains(why);
        assertThat(client.call("Plugin.Activate", "").status()).isEqualTo(200);
    }

    @Test
    void deeplyNestedJsonIsRefused() throws IOException {
        assertThat(client.call("VolumeDriver.Create", "{\"Opts\":" + "[".repeat(100_000))
                        .status())
                .isEqualTo(400);
    }

    @Test
    void anUnknownCallIsNotFound() throws IOException {
        assertThat(client.call("VolumeDriver.Destroy", "{}").status()).isEqualTo(404);
        assertThat(client.call("VolumeDriver.Get/../../x", "{}").status()).isBetween(400, 404);
        assertThat(plugin.connect().call("", "{}").err()).isEqualTo("no such call: \"/\"");
    }

    @Test
    void onlyPostIsACall() throws IOException {
        PluginClient.Answer answer = client.send("GET /VolumeDriver.List HTTP/1.1\r\nHost: \r\n\r\n");

        assertThat(answer.status()).isEqualTo(405);
        assertThat(answer.err()).isEqualTo("a call is a POST");
    }

    @Test
    void aRequestThatIsNoHttpIsRefusedAsTheApiRefuses() throws IOException {
        PluginClient.Answer answer = client.send("POST no-slash HTTP/1.1\r\nHost: \r\n\r\n");

        assertThat(answer.status()).isEqualTo(400);
        assertThat(answer.err()).isNotEmpty();
    }

    @Test
    void aBodyThatIsAnnouncedTooLongIsRefusedUnread() throws IOException {
        PluginClient.Answer answer =
                client.send("POST /VolumeDriver.Create HTTP/1.1\r\nHost: \r\nContent-Length: 10485760\r\n\r\n");

        assertThat(answer.status()).isEqualTo(413);
        assertThat(answer.err()).contains("262144 bytes");
    }

    @Test
    void aBodyThatTurnsOutTooLongIsRefused() throws IOException {
        String chunk = "8000\r\n" + "x".repeat(0x8000) + "\r\n";
        PluginClient.Answer answer = client.send(
                "POST /VolumeDriver.Create HTTP/1.1\r\nHost: \r\nTransfer-Encoding: chunked\r\n\r\n" + chunk.repeat(9));

        assertThat(answer.status()).isEqualTo(413);
        assertThat(plugin.connect().call("Plugin.Activate", "").status()).isEqualTo(200);
    }

    @Test
    void headersWithoutEndAreRefused() throws IOException {
        PluginClient.Answer answer = client.send("POST / HTTP/1.1\r\nHost: \r\nX: " + "x".repeat(20_000));

        assertThat(answer.status()).isEqualTo(431);
    }

    @Test
    void slowClientsHoldNobodyUp() throws IOException {
        List<PluginClient> slow = new ArrayList<>();
        try {
            for (int i = 0; i < 100; i++) {
                slow.add(plugin.connect());
                slow.getLast().write("POST /VolumeDriver.Get HTTP/1.1\r\nHost: \r\nContent-Length: 20\r\n\r\n{\"Na");
            }
            assertThat(client.create("c1", Map.of()).err()).isEmpty();
            slow.getFirst().write("me\": \"c1\"      }");
            assertThat(slow.getFirst().read().err()).isEmpty();
        } finally {
            for (PluginClient each : slow) {
                each.close();
            }
        }
    }

    @Test
    void everyCallIsToldOfWithHowItEnded() throws IOException {
        client.call("Plugin.Activate", "");
        client.create("c1", Map.of());
        client.volume("Get", "none");

        assertThat(plugin.ended)
                .extracting(EndedCall::service, EndedCall::method, EndedCall::code)
                .containsExactly(
                        tuple("Plugin", "Activate", "OK"),
                        tuple("VolumeDriver", "Create", "OK"),
                        tuple("VolumeDriver", "Get", "NOT_FOUND"));
        assertThat(plugin.ended).allSatisfy(call -> assertThat(call.took()).isPositive());
    }

    @Test
    void aStaleSocketIsReplaced() throws IOException {
        Path socket = folder.resolve("berth.sock");
        client.close();
        plugin.close();
        ServerSocketChannel.open(StandardProtocolFamily.UNIX)
                .bind(UnixDomainSocketAddress.of(socket))
                .close();
        assertThat(socket).exists();

        plugin.restart();

        client = plugin.connect();
        assertThat(client.call("Plugin.Activate", "").status()).isEqualTo(200);
        assertThat(Files.getPosixFilePermissions(socket)).isEqualTo(PosixFilePermissions.fromString("rw-rw----"));
    }

    @Test
    void moreConnectionsThanThereMayBeAreRefusedAndTheDoorStaysOpen() throws IOException {
        List<PluginClient> many = new ArrayList<>();
        try {
            for (int i = 0; i < 700; i++) {
                many.add(plugin.connect());
            }
            assertThat(many.getLast().isClosedByServer()).isTrue();
            assertThat(client.call("Plugin.Activate", "").status()).isEqualTo(200);
        } finally {
            for (PluginClient each : many) {
                each.close();
            }
        }
        assertThat(plugin.isInPlace()).isTrue();
        boolean answered = false;
        while (!answered) { // until the server has seen that the others are gone
            try (PluginClient next = plugin.connect()) {
                answered = next.call("Plugin.Activate", "").status() == 200;
            } catch (IOException e) {
                assertThat(plugin.isInPlace()).isTrue();
            }
        }
    }
}
