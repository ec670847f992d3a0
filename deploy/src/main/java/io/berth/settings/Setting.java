package io.berth.settings;

import io.berth.fault.Fault;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The definition of one setting, from which its flag, its variable, its YAML key and its line in the reference derive.
 *
 * @param name words joined by hyphens, such as {@code node-id}
 * @param placeholder what stands for a value in a usage line, such as {@code NAME}
 * @param standard the text that counts when none is given; empty: a value is required, or none where {@code repeated}
 * @param implied the text that a flag without a value stands for; empty: a flag needs a value
 * @param repeated whether any number of values may be given
 * @param foreignVariable a variable of others that counts after Berth's own, such as {@code CSI_ENDPOINT}
 * @param meaning one or two sentences for people
 * @param reader makes the value of a text
 * @param <T> the type of one value
 */
public record Setting<T>(
        String name,
        String placeholder,
        Optional<String> standard,
        Optional<String> implied,
        boolean repeated,
        Optional<String> foreignVariable,
        String meaning,
        Reader<T> reader) {

    /** By name. Comparing all parts would build a method of its own at every start, for 15 ms. */
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Setting<?> setting && name.equals(setting.name);
    }

    @Override
    public int hashCode() {
        return name.hashCode();
    }

    /** Makes a value of a text. */
    @FunctionalInterface
    public interface Reader<T> {
        /**
         * Makes the value.
         *
         * @param source where the text was given, such as {@code --node-id}; errors begin with it
         * @throws Fault INVALID_ARGUMENT when the text is not allowed
         */
        T read(String source, String text);
    }

    /** A setting that must be given. */
    static <T> Setting<T> required(String name, String placeholder, String meaning, Reader<T> reader) {
        return new Setting<>(
                name, placeholder, Optional.empty(), Optional.empty(), false, Optional.empty(), meaning, reader);
    }

    /** A setting with a value of its own when none is given. */
    static <T> Setting<T> withDefault(
            String name, String placeholder, String standard, String meaning, Reader<T> reader) {
        return new Setting<>(
                name, placeholder, Optional.of(standard), Optional.empty(), false, Optional.empty(), meaning, reader);
    }

    /** Something that is off unless it is set; its flag alone sets it. */
    static Setting<Boolean> off(String name, String meaning) {
        return new Setting<>(
                name,
                "BOOLEAN",
                Optional.of("false"),
                Optional.of("true"),
                false,
                Optional.empty(),
                meaning,
                Values::onOff);
    }

    /** A setting with any number of values, none by default. */
    static <T> Setting<T> repeated(String name, String placeholder, String meaning, Reader<T> reader) {
        return new Setting<>(
                name, placeholder, Optional.empty(), Optional.empty(), true, Optional.empty(), meaning, reader);
    }

    /** The same setting, for which a variable of others counts after Berth's own. */
    Setting<T> alsoFrom(String variable) {
        return new Setting<>(name, placeholder, standard, implied, repeated, Optional.of(variable), meaning, reader);
    }

    /** The flag, such as {@code --node-id}. */
    public String flag() {
        return "--" + name;
    }

    /** The variable, such as {@code BERTH_NODE_ID}. */
    public String variable() {
        return "BERTH_" + name.replace('-', '_').toUpperCase(Locale.ROOT);
    }

    /** Every variable that is looked at, the first of them first. */
    public List<String> variables() {
        return foreignVariable.map(foreign -> List.of(variable(), foreign)).orElseGet(() -> List.of(variable()));
    }

    /** Whether a start without it is refused. */
    public boolean required() {
        return standard.isEmpty() && !repeated;
    }
}
