package io.berth.csi;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Bounds the connections of a listening socket, each of which takes memory. One over the bound takes the place of the oldest
 * that never made a call, else of the oldest that makes none now; where all make calls it is closed. Idle connections are
 * left alone otherwise, for a sidecar ends when its connection does. Handler of the listening channel, on the event loop of
 * all its connections.
 */
final class ConnectionLimit extends ChannelInboundHandlerAdapter {
    private final int max;
    private final Set<Channel> open = new LinkedHashSet<>();

    ConnectionLimit(int max) {
        this.max = max;
    }

    /** Takes a connection that was accepted. */
    @Override
    public void channelRead(ChannelHandlerContext listener, Object accepted) {
        Channel connection = (Channel) accepted;
        if (open.size() >= max) {
            Optional<Channel> idle =
                    oldest(ConnectionLimit::neverCalled).or(() -> oldest(ConnectionLimit::callsNothing));
            if (idle.isEmpty()) {
                connection.unsafe().closeForcibly();
                return;
            }
            open.remove(idle.get());
            idle.get().unsafe().close(idle.get().voidPromise()); // now, where close() would say goodbye first
        }
        open.add(connection);
        connection.closeFuture().addListener(closed -> open.remove(connection));
        listener.fireChannelRead(connection);
    }

    private Optional<Channel> oldest(Predicate<Http2Connection> which) {
        return open.stream()
                .filter(channel -> Optional.ofNullable(channel.pipeline().get(Http2ConnectionHandler.class))
                        .map(Http2ConnectionHandler::connection)
                        .map(which::test)
                        .orElse(true)) // it has not even begun to speak
                .findFirst();
    }

    private static boolean neverCalled(Http2Connection connection) {
        return connection.remote().lastStreamCreated() == 0;
    }

    private static boolean callsNothing(Http2Connection connection) {
        return connection.numActiveStreams() == 0;
    }
}
