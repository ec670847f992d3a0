package io.berth.docker;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.EOFException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** One connection to a plugin's socket, speaking as dockerd 20.10 does, byte by byte. */
final class PluginClient implements AutoCloseable {
    private static final JsonMapper JSON = new JsonMapper();

    private final SocketChannel channel;
    private final ByteBuffer in = ByteBuffer.allocate(1 << 16).flip();

    PluginClient(Path socket) throws IOException {
        channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
    }

    /** An answer: status, headers by their names in small letters, body. */
    record Answer(int status, Map<String, String> headers, String body) {
        JsonNode json() {
            try {
                return JSON.readTree(body);
            } catch (IOException e) {
                throw new AssertionError("no JSON: " + body, e);
            }
        }

        String err() {
            return json().path("Err").asText();
        }
    }

    /** A call as dockerd 20.10 makes it: an empty Host, no Content-Type. */
    Answer call(String method, String body) throws IOException {
        return send("POST /" + method + " HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: "
                + body.getBytes(StandardCharsets.UTF_8).length
                + "\r\nAccept: application/vnd.docker.plugins.v1.2+json\r\n\r\n" + body);
    }

    /** Waits until something comes; true when it is the end. */
    boolean isClosedByServer() throws IOException {
        return channel.read(ByteBuffer.allocate(1)) == -1;
    }

    /** As each dockerd does once. */
    Answer activate() throws IOException {
        return call("Plugin.Activate", "");
    }

    Answer volume(String method, String name) throws IOException {
        return call("VolumeDriver." + method, request(name).toString());
    }

    Answer create(String name, Map<String, String> options) throws IOException {
        ObjectNode request = request(name);
        ObjectNode opts = request.putObject("Opts");
        options.forEach(opts::put);
        return call("VolumeDriver.Create", request.toString());
    }

    Answer mount(String name, String id) throws IOException {
        return call("VolumeDriver.Mount", request(name).put("ID", id).toString());
    }

    /** Mounts a volume, which must succeed; where. */
    Path mounted(String name, String id) throws IOException {
        Answer answer = mount(name, id);
        assertThat(answer.err()).isEmpty();
        return Path.of(answer.json().path("Mountpoint").asText());
    }

    Answer unmount(String name, String id) throws IOException {
        return call("VolumeDriver.Unmount", request(name).put("ID", id).toString());
    }

    private static ObjectNode request(String name) {
        return JSON.createObjectNode().put("Name", name);
    }

    Answer send(String request) throws IOException {
        write(request);
        return read();
    }

    void write(String bytes) throws IOException {
        ByteBuffer out = ByteBuffer.wrap(bytes.getBytes(StandardCharsets.UTF_8));
        while (out.hasRemaining()) {
            channel.write(out);
        }
    }

    Answer read() throws IOException {
        String[] status = line().split(" ", 3);
        Map<String, String> headers = new TreeMap<>();
        for (String line = line(); !line.isEmpty(); line = line()) {
            int colon = line.indexOf(':');
            headers.put(
                    line.substring(0, colon).toLowerCase(Locale.ROOT),
                    line.substring(colon + 1).strip());
        }
        byte[] body = new byte[Integer.parseInt(headers.getOrDefault("content-length", "0"))];
        for (int i = 0; i < body.length; i++) {
            body[i] = next();
        }
        return new Answer(Integer.parseInt(status[1]), headers, new String(body, StandardCharsets.UTF_8));
    }

    private String line() throws IOException {
        StringBuilder line = new StringBuilder();
        for (char c = (char) next(); c != '\n'; c = (char) next()) {
            if (c != '\r') {
                line.append(c);
            }
        }
        return line.toString();
    }

    private byte next() throws IOException {
        if (!in.hasRemaining()) {
            in.clear();
            if (channel.read(in) < 0) {
                in.flip();
                throw new EOFException("the plugin closed the connection");
            }
            in.flip();
        }
        return in.get();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
