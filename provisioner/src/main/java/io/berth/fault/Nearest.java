package io.berth.fault;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/** The known word that is meant when an unknown one is given, for messages. */
public final class Nearest {
    private Nearest() {}

    /** The word that differs from the text in the fewest letters; there is at least one. */
    public static String to(String text, Collection<String> words) {
        String start = start(text);
        return words.stream()
                .min(Comparator.comparingInt((String word) -> distance(start, word))
                        .thenComparing(Comparator.naturalOrder()))
                .orElseThrow();
    }

    /** For the message about an unknown word: the one that may be meant, else all that are known. */
    public static String hint(String text, Collection<String> words) {
        return like(text, words)
                .map(word -> "the nearest is " + word)
                .orElseGet(() -> "known are " + String.join(", ", words));
    }

    private static String start(String text) {
        return text.substring(0, Math.min(text.length(), 100));
    }

    /** The same, if it may be what was meant: if half of the letters are the same. */
    public static Optional<String> like(String text, Collection<String> words) {
        String nearest = to(text, words);
        return Optional.of(nearest)
                .filter(word -> distance(start(text), word) <= Math.max(text.length(), word.length()) / 2);
    }

    /** How many letters must be put in, taken out or changed to make one of the other (Levenshtein). */
    private static int distance(String from, String to) {
        int[] above = new int[to.length() + 1];
        for (int column = 0; column <= to.length(); column++) {
            above[column] = column;
        }
        for (int row = 1; row <= from.length(); row++) {
            int[] current = new int[to.length() + 1];
            current[0] = row;
            for (int column = 1; column <= to.length(); column++) {
                int change = from.charAt(row - 1) == to.charAt(column - 1) ? 0 : 1;
                current[column] =
                        Math.min(above[column - 1] + change, 1 + Math.min(above[column], current[column - 1]));
            }
            above = current;
        }
        return above[to.length()];
    }
}
