package io.berth.terminal;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Map;
import org.junit.jupiter.api.Test;

class JsonTest {
    private final StringWriter text = new StringWriter();
    private final PrintWriter out = new PrintWriter(text);

    @Test
    void itemsArePrintedAsTheyComeAndMakeOneDocument() throws IOException {
        try (Json.Items items = new Json.Items("things", out)) {
            items.add(Map.of("name", "a"));
            assertThat(text.toString()).contains("\"a\"");
            items.add(Map.of("name", "b"));
        }
        JsonNode document = new JsonMapper().readTree(text.toString());
        assertThat(document.findValuesAsText("name")).containsExactly("a", "b");
        assertThat(text.toString()).endsWith("}\n");
    }

    @Test
    void withoutItemsItIsAnEmptyList() throws IOException {
        new Json.Items("things", out).close();
        assertThat(new JsonMapper().readTree(text.toString()).path("things")).isEmpty();
    }
}
