package io.berth.logging;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import ch.qos.logback.core.joran.spi.ConsoleTarget;
import ch.qos.logback.core.spi.ContextAwareBase;
import java.util.List;
import org.slf4j.LoggerFactory;
import org.slf4j.bridge.SLF4JBridgeHandler;

/**
 * Sets up Logback in code, which starts faster than from XML. Until a driver says otherwise only warnings are logged, and
 * to stderr, so that the output of a command stays clean.
 */
public final class Logging extends ContextAwareBase implements Configurator {

    /** Called by Logback when the first logger is asked for. */
    @Override
    public ExecutionStatus configure(LoggerContext context) {
        write(context, ConsoleTarget.SystemErr, new TextEncoder(), Level.WARN);
        return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
    }

    /** From now on writes events of this level and above to stdout, as text for people. */
    public static void textToStdout(org.slf4j.event.Level level) {
        toStdout(new TextEncoder(), level);
    }

    /** From now on writes events of this level and above to stdout, each as a JSON object. */
    public static void jsonToStdout(org.slf4j.event.Level level) {
        toStdout(new JsonEncoder(), level);
    }

    private static void toStdout(Encoder<ILoggingEvent> encoder, org.slf4j.event.Level level) {
        LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
        context.reset();
        // gRPC logs by java.util.logging, whose own handler writes two lines an event to stderr.
        SLF4JBridgeHandler.removeHandlersForRootLogger();
        SLF4JBridgeHandler.install();
        write(context, ConsoleTarget.SystemOut, encoder, Level.convertAnSLF4JLevel(level));
    }

    private static void write(
            LoggerContext context, ConsoleTarget target, Encoder<ILoggingEvent> encoder, Level level) {
        encoder.setContext(context);
        encoder.start();
        ConsoleAppender<ILoggingEvent> console = new ConsoleAppender<>();
        console.setContext(context);
        console.setTarget(target.getName());
        console.setEncoder(encoder);
        console.start();
        Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
        root.setLevel(level);
        root.addAppender(console);
        // Below INFO these write every frame in hexadecimal, secrets included.
        for (String transport : List.of("io.grpc", "io.netty")) {
            context.getLogger(transport).setLevel(level.isGreaterOrEqual(Level.INFO) ? level : Level.INFO);
        }
        // Jetty tells its own life at INFO, and requests with their bodies below it.
        context.getLogger("org.eclipse.jetty").setLevel(level.isGreaterOrEqual(Level.WARN) ? level : Level.WARN);
        // It does not matter that a Unix socket has no keep-alive.
        context.getLogger("io.netty.bootstrap").setLevel(Level.ERROR);
    }
}
