package io.berth.sanity;

import java.io.EOFException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A connection to Docker's door that costs little itself: one write and one read a call, no library. */
public final class PluginConnection implements AutoCloseable {
    private static final Pattern LENGTH = Pattern.compile("(?i)\r\ncontent-length: *([0-9]+)\r\n");
    private static final String END_OF_HEADERS = "\r\n\r\n";

    private final SocketChannel channel;
    private final ByteBuffer answer = ByteBuffer.allocate(1 << 16);

    public PluginConnection(Path socket) throws IOException {
        channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
    }

    /** Makes a call as dockerd does, which must succeed. */
    public void call(String method, String body) throws IOException {
        String request = "POST /" + method + " HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: "
                + body.length() + "\r\nAccept: application/vnd.docker.plugins.v1.2+json\r\n\r\n" + body;
        channel.write(ByteBuffer.wrap(request.getBytes(StandardCharsets.UTF_8)));
        answer.clear();
        String text = "";
        while (!isWhole(text)) {
            if (channel.read(answer) < 0) {
                throw new EOFException(method + " is not answered");
            }
            text = new String(answer.array(), 0, answer.position(), StandardCharsets.UTF_8);
        }
        if (!text.startsWith("HTTP/1.1 200 ") || !(text.contains("\"Err\":\"\"") || text.contains("Implements"))) {
            throw new IOException(method + " is answered " + text);
        }
    }

    private static boolean isWhole(String text) {
        int end = text.indexOf(END_OF_HEADERS);
        Matcher length = LENGTH.matcher(text);
        return end >= 0
                && length.find()
                && text.length() - end - END_OF_HEADERS.length() >= Integer.parseInt(length.group(1));
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
