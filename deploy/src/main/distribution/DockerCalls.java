import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * A volume's life as dockerd would call for it, so that what Docker's door loads becomes part of the cache. Usage:
 * DockerCalls SOCKET
 */
public final class DockerCalls {
    private DockerCalls() {}

    public static void main(String[] arguments) throws IOException {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(Path.of(arguments[0])))) {
            call(channel, "Plugin.Activate", "");
            call(channel, "VolumeDriver.Capabilities", "{}");
            for (int life = 0; life < 20; life++) {
                call(channel, "VolumeDriver.Create", "{\"Name\":\"c1\",\"Opts\":{\"size\":\"64m\",\"mode\":\"0770\"}}");
                call(channel, "VolumeDriver.Get", "{\"Name\":\"c1\"}");
                call(channel, "VolumeDriver.Mount", "{\"Name\":\"c1\",\"ID\":\"1\"}");
                call(channel, "VolumeDriver.Path", "{\"Name\":\"c1\"}");
                call(channel, "VolumeDriver.List", "{}");
                call(channel, "VolumeDriver.Unmount", "{\"Name\":\"c1\",\"ID\":\"1\"}");
                call(channel, "VolumeDriver.Remove", "{\"Name\":\"c1\"}");
            }
        }
    }

    private static void call(SocketChannel channel, String method, String body) throws IOException {
        String request = "POST /" + method + " HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: "
                + body.length() + "\r\nAccept: application/vnd.docker.plugins.v1.2+json\r\n\r\n" + body;
        channel.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.UTF_8)));
        ByteBuffer answer = ByteBuffer.allocate(8192);
        channel.read(answer);
        String text = new String(answer.array(), 0, answer.position(), StandardCharsets.UTF_8);
        if (!text.startsWith("HTTP/1.1 200 ") || !(text.contains("\"Err\":\"\"") || body.length() <= 2)) {
            throw new IOException(method + " is answered " + text);
        }
    }
}
