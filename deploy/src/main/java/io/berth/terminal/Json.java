package io.berth.terminal;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;

/** Output for machines: one indented JSON document. */
public final class Json {
    private static final ObjectMapper MAPPER = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private Json() {}

    /**
     * Prints a value made of maps, lists, texts, numbers and records of them.
     *
     * @throws IllegalArgumentException when the value holds something else
     */
    public static void print(Object value, PrintWriter out) {
        try {
            out.println(MAPPER.writeValueAsString(value));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("no JSON can be made of " + value.getClass(), e);
        }
    }

    /** A document with one member, a list, whose items are printed as they come. Not thread-safe. */
    public static final class Items implements AutoCloseable {
        private final PrintWriter out;
        private final JsonGenerator generator;

        /** Begins the document. */
        public Items(String name, PrintWriter out) {
            this.out = out;
            try {
                this.generator = MAPPER.createGenerator(out).useDefaultPrettyPrinter();
                generator.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
                generator.writeStartObject();
                generator.writeArrayFieldStart(name);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        /** Prints an item; see {@link Json#print}. */
        public void add(Object item) {
            try {
                MAPPER.writeValue(generator, item);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        /** Ends the document. */
        @Override
        public void close() {
            try {
                generator.close(); // ends the list and the object too
                out.println();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
