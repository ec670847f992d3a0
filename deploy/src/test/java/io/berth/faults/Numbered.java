package io.berth.faults;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import java.util.Set;

/** Files whose names and contents follow from a number. */
final class Numbered {
    private static final int LARGEST = 20_000;

    private Numbered() {}

    private static byte[] content(int number) {
        Random random = new Random(number);
        byte[] bytes = new byte[1 + random.nextInt(LARGEST)];
        random.nextBytes(bytes);
        return bytes;
    }

    private static Path path(Path folder, int number) {
        return folder.resolve("f" + number);
    }

    /** Writes a file anew, durable when it returns. */
    static void write(Path folder, int number) {
        try (FileChannel file = FileChannel.open(
                path(folder, number),
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE,
                StandardOpenOption.TRUNCATE_EXISTING)) {
            file.write(ByteBuffer.wrap(content(number)));
            file.force(true);
            sync(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void sync(Path folder) {
        try (FileChannel directory = FileChannel.open(folder, StandardOpenOption.READ)) {
            directory.force(true);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whether all of these files are in a folder, whole. */
    static boolean areWhole(Path folder, Set<Integer> numbers) {
        return numbers.stream().allMatch(number -> isWhole(path(folder, number), number));
    }

    private static boolean isWhole(Path file, int number) {
        try {
            return Files.exists(file) && Arrays.equals(Files.readAllBytes(file), content(number));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
