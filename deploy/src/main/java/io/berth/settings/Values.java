package io.berth.settings;

import io.berth.csi.DriverName;
import io.berth.fault.Fault;
import io.berth.pool.PoolConfig;
import io.berth.socket.Endpoint;
import io.berth.socket.SocketOwner;
import io.berth.volume.ByteSize;
import io.berth.volume.NodeId;
import io.berth.volume.PoolName;
import java.net.InetSocketAddress;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** How texts become values; the readers of the definitions in {@link Settings}. */
final class Values {
    private static final Pattern DURATION = Pattern.compile("([0-9]{1,9})(ms|s|m|h)");

    private static final Pattern ADDRESS =
            Pattern.compile("((?<name>[A-Za-z0-9.-]{1,253}):|\\[(?<ipv6>[0-9A-Fa-f:.]{2,45})]:)?(?<port>[0-9]{1,5})");
    private static final int MAX_PORT = 65535;

    private Values() {}

    static NodeId nodeId(String source, String text) {
        return named(source, () -> new NodeId(text));
    }

    static Boolean onOff(String source, String text) {
        return switch (text) {
            case "true" -> true;
            case "false" -> false;
            default -> throw Fault.invalid(source, text, "true or false");
        };
    }

    static Endpoint endpoint(String source, String text) {
        return named(source, () -> Endpoint.parse(text));
    }

    static SocketOwner socketOwner(String source, String text) {
        return named(source, () -> SocketOwner.parse(text));
    }

    /** Not looked up yet; a port alone is one of the loopback address. */
    static InetSocketAddress address(String source, String text) {
        Matcher matcher = ADDRESS.matcher(text);
        if (matcher.matches()) {
            String host = Stream.of("name", "ipv6")
                    .flatMap(group -> Optional.ofNullable(matcher.group(group)).stream())
                    .findFirst()
                    .orElse("127.0.0.1");
            int port = Integer.parseInt(matcher.group("port"));
            if (port <= MAX_PORT) {
                return InetSocketAddress.createUnresolved(host, port);
            }
        }
        throw Fault.invalid(
                source, text, "HOST:PORT, [IPV6]:PORT or PORT, which is 127.0.0.1:PORT, with a port from 0 to 65535");
    }

    static PoolName poolName(String source, String text) {
        return named(source, () -> new PoolName(text));
    }

    /** A value that may be missing: the empty text is none. */
    static <T> Setting.Reader<Optional<T>> optional(Setting.Reader<T> reader) {
        return (source, text) -> text.isEmpty() ? Optional.empty() : Optional.of(reader.read(source, text));
    }

    /** A size that may be missing: the empty text is none. */
    static OptionalLong sizeIfAny(String source, String text) {
        if (text.isEmpty()) {
            return OptionalLong.empty();
        }
        long bytes = ByteSize.parse(source, text);
        if (bytes == 0) {
            throw Fault.invalid(source, text, "a size is more than nothing, such as 1Gi");
        }
        return OptionalLong.of(bytes);
    }

    /** The number of a group that may be missing: the empty text is none. */
    static OptionalInt groupIfAny(String source, String text) {
        return text.isEmpty()
                ? OptionalInt.empty()
                : OptionalInt.of(number(1, Integer.MAX_VALUE - 1).read(source, text));
    }

    static DriverName driverName(String source, String text) {
        return named(source, () -> new DriverName(text));
    }

    static Path folder(String source, String text) {
        return absolute(source, text, text, "an absolute path without . and ..");
    }

    /** A path as the shell would read it: a relative one is below the working folder. */
    static Path file(String source, String text) {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw Fault.invalid(source, text, "a path, without NUL");
        }
    }

    static PoolConfig pool(String source, String text) {
        return named(source, () -> PoolConfig.parse(text));
    }

    /** A value of the core's own grammar; its error says in addition where the text came from. */
    private static <T> T named(String source, Supplier<T> value) {
        try {
            return value.get();
        } catch (Fault e) {
            throw new Fault(e.kind(), source + ": " + e.getMessage(), e);
        }
    }

    static Setting.Reader<Integer> number(int least, int most) {
        return (source, text) -> {
            String rule = most == Integer.MAX_VALUE
                    ? "a whole number, at least " + least
                    : "a whole number from " + least + " to " + most;
            if (!text.matches("[0-9]{1,10}")) {
                throw Fault.invalid(source, text, rule);
            }
            long number = Long.parseLong(text);
            if (number < least || number > most) {
                throw Fault.invalid(source, text, rule);
            }
            return (int) number;
        };
    }

    static Setting.Reader<Duration> duration(Duration least, Duration most) {
        return (source, text) -> {
            Matcher matcher = DURATION.matcher(text);
            if (matcher.matches()) {
                Duration duration = Duration.of(Long.parseLong(matcher.group(1)), unit(matcher.group(2)));
                if (duration.compareTo(least) >= 0 && duration.compareTo(most) <= 0) {
                    return duration;
                }
            }
            throw Fault.invalid(
                    source,
                    text,
                    "a duration from " + format(least) + " to " + format(most) + ", such as 500ms, 10s or 2m");
        };
    }

    private static ChronoUnit unit(String letters) {
        return switch (letters) {
            case "ms" -> ChronoUnit.MILLIS;
            case "s" -> ChronoUnit.SECONDS;
            case "m" -> ChronoUnit.MINUTES;
            default -> ChronoUnit.HOURS;
        };
    }

    static <E extends Enum<E>> Setting.Reader<E> oneOf(Class<E> type) {
        return (source, text) -> Arrays.stream(type.getEnumConstants())
                .filter(constant -> word(constant).equals(text))
                .findFirst()
                .orElseThrow(() -> Fault.invalid(
                        source,
                        text,
                        "one of "
                                + Arrays.stream(type.getEnumConstants())
                                        .map(Values::word)
                                        .collect(Collectors.joining(", "))));
    }

    private static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    private static String format(Duration duration) {
        if (duration.toMillisPart() != 0) {
            return duration.toMillis() + "ms";
        }
        if (duration.toSecondsPart() != 0 || duration.isZero()) {
            return duration.toSeconds() + "s";
        }
        return duration.toMinutesPart() != 0 ? duration.toMinutes() + "m" : duration.toHours() + "h";
    }

    private static Path absolute(String source, String text, String path, String rule) {
        try {
            Path absolute = Path.of(path);
            if (absolute.isAbsolute() && absolute.equals(absolute.normalize()) && absolute.getParent() != null) {
                return absolute;
            }
        } catch (InvalidPathException e) {
            throw new Fault(
                    Fault.Kind.INVALID_ARGUMENT,
                    Fault.invalid(source, text, rule).getMessage(),
                    e);
        }
        throw Fault.invalid(source, text, rule);
    }
}
