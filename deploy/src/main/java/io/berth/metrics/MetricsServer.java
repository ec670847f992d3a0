package io.berth.metrics;

import io.berth.fault.Fault;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves a few pages by HTTP, for Prometheus and probes. Each page is made on a thread of its own, so one that hangs holds up
 * no other; a connection carries one request, costs no thread and lives ten seconds at most, however slow its client is, and
 * less when there are many: whoever comes last is served. It is Netty, as gRPC is: another server would take memory of its
 * own. Thread-safe.
 */
public final class MetricsServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(MetricsServer.class);
    private static final int MAX_CONNECTIONS = 64;
    private static final int MAX_WAITING = 16;
    private static final int MAX_LINE_BYTES = 1 << 10;
    private static final int MAX_HEADER_BYTES = 8 << 10;
    private static final Duration LIFETIME = Duration.ofSeconds(10);
    private static final long IDLE_THREAD_SECONDS = 60;
    private static final long CUT_SECONDS = 2;
    private static final String TEXT = "text/plain; charset=utf-8";

    /** What a page says now. */
    public record Page(int status, String contentType, String body) {
        /** All is well: 200, and this line. */
        public static Page ok(String line) {
            return new Page(200, TEXT, line + "\n");
        }

        /** Not now, and why: 503. */
        public static Page unavailable(String why) {
            return new Page(503, TEXT, why + "\n");
        }
    }

    private record Maker(Supplier<Page> page, ExecutorService thread) {}

    private final Map<String, Maker> makers = new LinkedHashMap<>();
    private final EventLoopGroup eventLoop =
            new MultiThreadIoEventLoopGroup(1, new DefaultThreadFactory("metrics", true), NioIoHandler.newFactory());
    /** Those that have not asked yet, the oldest first; of the event loop alone. */
    private final Set<Channel> idle = new LinkedHashSet<>();

    /** The others, likewise. */
    private final Set<Channel> asked = new LinkedHashSet<>();

    private final Duration lifetime;
    private final Channel listening;

    private MetricsServer(InetSocketAddress address, Map<String, Supplier<Page>> pages, Duration lifetime) {
        this.lifetime = lifetime;
        pages.forEach((path, page) -> makers.put(path, new Maker(page, thread("metrics" + path))));
        ChannelFuture bound = new ServerBootstrap()
                .group(eventLoop)
                .channel(NioServerSocketChannel.class)
                .option(ChannelOption.SO_BACKLOG, MAX_CONNECTIONS)
                .childOption(ChannelOption.ALLOCATOR, UnpooledByteBufAllocator.DEFAULT)
                .childHandler(new Pipeline())
                .bind(new InetSocketAddress(address.getHostString(), address.getPort()))
                .awaitUninterruptibly();
        this.listening = bound.channel();
        if (!bound.isSuccess()) {
            close();
            throw new Fault(
                    Fault.Kind.FAILED_PRECONDITION,
                    "cannot serve metrics on " + address.getHostString() + ":" + address.getPort() + ": "
                            + bound.cause(),
                    bound.cause());
        }
    }

    private static ExecutorService thread(String name) {
        ThreadPoolExecutor thread = new ThreadPoolExecutor(
                1,
                1,
                IDLE_THREAD_SECONDS,
                TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(MAX_WAITING),
                new DefaultThreadFactory(name, true));
        thread.allowCoreThreadTimeOut(true);
        return thread;
    }

    /**
     * Begins to serve, and logs where.
     *
     * @param address its host is looked up now; port 0 takes a free one
     * @param pages by their paths, such as {@code /metrics}
     * @throws Fault FAILED_PRECONDITION when the address cannot be had
     */
    public static MetricsServer start(InetSocketAddress address, Map<String, Supplier<Page>> pages) {
        return start(address, pages, LIFETIME);
    }

    /** As {@link #start(InetSocketAddress, Map)}, with connections that live so long. */
    static MetricsServer start(InetSocketAddress address, Map<String, Supplier<Page>> pages, Duration lifetime) {
        MetricsServer server = new MetricsServer(address, pages, lifetime);
        LOG.info("serving {} on http:/{}", server.makers.keySet(), server.address());
        return server;
    }

    /** Where it is served, with the port that was taken. */
    public InetSocketAddress address() {
        return (InetSocketAddress) listening.localAddress();
    }

    private static void cut(Channel channel) {
        var unused = channel.close();
    }

    private final class Pipeline extends ChannelInitializer<Channel> {
        @Override
        protected void initChannel(Channel channel) {
            if (idle.size() + asked.size() == MAX_CONNECTIONS) {
                cutOldest(idle.isEmpty() ? asked : idle);
            }
            idle.add(channel);
            channel.closeFuture().addListener(closed -> {
                idle.remove(channel);
                asked.remove(channel);
            });
            var deadline = channel.eventLoop().schedule(() -> cut(channel), lifetime.toMillis(), TimeUnit.MILLISECONDS);
            channel.closeFuture().addListener(closed -> deadline.cancel(false));
            channel.pipeline()
                    .addLast(
                            new HttpServerCodec(new HttpDecoderConfig()
                                    .setMaxInitialLineLength(MAX_LINE_BYTES)
                                    .setMaxHeaderSize(MAX_HEADER_BYTES)),
                            new OneRequest());
        }

        private void cutOldest(Set<Channel> channels) {
            Iterator<Channel> oldest = channels.iterator();
            Channel channel = oldest.next();
            oldest.remove(); // now, for its closing may be told later
            cut(channel);
        }
    }

    /** Answers the first request of a connection; what comes after it is not read. */
    private final class OneRequest extends SimpleChannelInboundHandler<HttpObject> {
        @Override
        protected void channelRead0(ChannelHandlerContext context, HttpObject part) {
            if (!(part instanceof HttpRequest request) || !idle.remove(context.channel())) {
                return;
            }
            asked.add(context.channel());
            context.channel().config().setAutoRead(false);
            if (request.decoderResult().isFailure()) {
                answer(context, new Page(400, TEXT, "that is no request of HTTP\n"));
            } else if (!request.method().equals(HttpMethod.GET)
                    && !request.method().equals(HttpMethod.HEAD)) {
                answer(context, new Page(405, TEXT, "only GET and HEAD are allowed\n"));
            } else {
                String path = request.uri().split("\\?", 2)[0];
                Maker maker = makers.get(path);
                if (maker == null) {
                    answer(context, new Page(404, TEXT, "there are " + String.join(", ", makers.keySet()) + "\n"));
                } else {
                    make(context, maker);
                }
            }
        }

        private void make(ChannelHandlerContext context, Maker maker) {
            try {
                maker.thread().execute(() -> {
                    if (context.channel().isActive()) {
                        answer(context, page(maker));
                    }
                });
            } catch (RejectedExecutionException e) {
                answer(context, Page.unavailable("too many requests wait for this page"));
            }
        }

        private static Page page(Maker maker) {
            try {
                return maker.page().get();
            } catch (RuntimeException e) {
                LOG.error("a defect of Berth", e);
                return new Page(500, TEXT, "a defect of Berth, see its log\n");
            }
        }

        private static void answer(ChannelHandlerContext context, Page page) {
            byte[] body = page.body().getBytes(StandardCharsets.UTF_8);
            FullHttpResponse response = new DefaultFullHttpResponse(
                    HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(page.status()), Unpooled.wrappedBuffer(body));
            response.headers()
                    .set(HttpHeaderNames.CONTENT_TYPE, page.contentType())
                    .set(HttpHeaderNames.CONTENT_LENGTH, body.length)
                    .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
            context.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            LOG.debug("a connection is closed: {}", cause.toString());
            cut(context.channel());
        }
    }

    /** Stops at once; does nothing the second time. */
    @Override
    public void close() {
        makers.values().forEach(maker -> maker.thread().shutdownNow());
        eventLoop
                .shutdownGracefully(0, CUT_SECONDS, TimeUnit.SECONDS)
                .awaitUninterruptibly(CUT_SECONDS, TimeUnit.SECONDS);
    }
}
