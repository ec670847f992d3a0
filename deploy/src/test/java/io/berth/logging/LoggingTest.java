package io.berth.logging;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.util.LogbackMDCAdapter;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.encoder.Encoder;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

class LoggingTest {
    private final LogbackMDCAdapter mdc = new LogbackMDCAdapter();

    @Test
    void aTextLineHoldsTimeLevelRequestLoggerMessageAndKeys() {
        mdc.put("request", "r7");
        assertThat(lines(
                        new TextEncoder(),
                        log -> log.atInfo()
                                .addKeyValue("ms", 12)
                                .addKeyValue("volume", "fast.c1")
                                .log("call {}", "done")))
                .matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z INFO  \\[r7] Volumes: call done ms=12"
                        + " volume=fast\\.c1\n");
    }

    @Test
    void aJsonLineHoldsTheSame() throws IOException {
        mdc.put("request", "r7");
        JsonNode line = json(log -> log.atWarn()
                .addKeyValue("ms", 12)
                .addKeyValue("ok", true)
                .addKeyValue("none", (Object) null)
                .setCause(new IllegalStateException("odd", new IOException("disk")))
                .log("call \"{}\"", "done"));

        assertThat(line.path("time").asText()).matches("....-..-..T..:..:..\\....Z");
        assertThat(line.path("level").asText()).isEqualTo("WARN");
        assertThat(line.path("request").asText()).isEqualTo("r7");
        assertThat(line.path("logger").asText()).isEqualTo("Volumes");
        assertThat(line.path("message").asText()).isEqualTo("call \"done\"");
        assertThat(line.path("fields")).hasToString("{\"ms\":12,\"ok\":true,\"none\":\"null\"}");
        assertThat(line.path("exception").asText())
                .startsWith("java.lang.IllegalStateException: odd\nat io.berth.logging.LoggingTest")
                .contains("\ncaused by java.io.IOException: disk");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"a\nb", "a\r\nb", "a\u0085b", "a\u2028b", "\u001b[2Ja", "a\u0000b", "a\u202eb", "a\u007fb", "😀"
            })
    void oneEventIsOneLineWhateverItSays(String text) throws IOException {
        mdc.put("request", text);
        Consumer<Logger> event = log -> log.atError()
                .addKeyValue("key", text)
                .setCause(new IOException(text))
                .log(text);

        for (Encoder<ILoggingEvent> encoder : List.of(new TextEncoder(), new JsonEncoder())) {
            String line = lines(encoder, event);
            assertThat(line).endsWith("\n");
            assertThat(line.substring(0, line.length() - 1)).doesNotContainPattern("[\\p{Cntrl}\u0085\u2028\u202e]");
        }
        assertThat(json(event).path("message").asText()).isEqualTo(text);
    }

    @Test
    void everyPartOfAnEventIsCutAtItsBound() {
        Throwable deep = new IOException("x".repeat(100_000));
        for (int i = 0; i < 100; i++) {
            deep = new IllegalStateException("y".repeat(100_000), deep);
        }
        Throwable thrown = deep;
        Consumer<Logger> event = log -> log.atError()
                .addKeyValue("key", "z".repeat(100_000))
                .setCause(thrown)
                .log("m".repeat(100_000));

        for (Encoder<ILoggingEvent> encoder : List.of(new TextEncoder(), new JsonEncoder())) {
            assertThat(lines(encoder, event)).hasSizeLessThan(20_000).contains("m…(91808 more)", "z…(98976 more)");
        }
    }

    @Test
    void aCutNeverSplitsACharacter() {
        assertThat(lines(new TextEncoder(), log -> log.warn("{}", "x" + "😀".repeat(5000))))
                .contains("😀…(1810 more)")
                .doesNotContain("?");
    }

    @Test
    void commandsLogWarningsToStderrAndDriversEventsToStdout() {
        PrintStream out = System.out;
        PrintStream err = System.err;
        ByteArrayOutputStream toOut = new ByteArrayOutputStream();
        ByteArrayOutputStream toErr = new ByteArrayOutputStream();
        try {
            System.setOut(new PrintStream(toOut, true, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(toErr, true, StandardCharsets.UTF_8));
            LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
            context.reset();
            new Logging().configure(context);
            LoggerFactory.getLogger("Command").info("quiet");
            LoggerFactory.getLogger("Command").warn("careful");
            Logging.textToStdout(org.slf4j.event.Level.INFO);
            LoggerFactory.getLogger("Driver").debug("quiet");
            LoggerFactory.getLogger("Driver").info("ready");
            Logging.jsonToStdout(org.slf4j.event.Level.DEBUG);
            LoggerFactory.getLogger("Driver").debug("detail");
            LoggerFactory.getLogger("io.netty.Buffers").debug("quiet");
        } finally {
            System.setOut(out);
            System.setErr(err);
            new Logging().configure((LoggerContext) LoggerFactory.getILoggerFactory());
        }
        assertThat(toErr.toString(StandardCharsets.UTF_8)).hasLineCount(1).contains("careful");
        assertThat(toOut.toString(StandardCharsets.UTF_8))
                .hasLineCount(2)
                .contains("Driver: ready", "\"detail\"")
                .doesNotContain("quiet");
    }

    private JsonNode json(Consumer<Logger> event) throws IOException {
        return new ObjectMapper().readTree(lines(new JsonEncoder(), event));
    }

    /** What an encoder writes for the events. */
    private String lines(Encoder<ILoggingEvent> encoder, Consumer<Logger> events) {
        LoggerContext context = new LoggerContext();
        context.setMDCAdapter(mdc);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        OutputStreamAppender<ILoggingEvent> appender = new OutputStreamAppender<>();
        appender.setContext(context);
        encoder.setContext(context);
        encoder.start();
        appender.setEncoder(encoder);
        appender.setOutputStream(out);
        appender.start();
        Logger log = context.getLogger("io.berth.service.Volumes");
        log.setLevel(Level.DEBUG);
        log.addAppender(appender);
        events.accept(log);
        return out.toString(StandardCharsets.UTF_8);
    }
}
