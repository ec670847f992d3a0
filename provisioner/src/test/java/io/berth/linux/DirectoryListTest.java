package io.berth.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class DirectoryListTest {
    private static final int MANY = 3000;

    @TempDir
    private Path root;

    private Directory directory;

    @BeforeEach
    void open() {
        directory = Directory.open(root);
    }

    @AfterEach
    void close() {
        directory.close();
    }

    private List<String> make(String prefix, int count) throws IOException {
        List<String> names = IntStream.range(0, count).mapToObj(i -> prefix + i).toList();
        for (String name : names) {
            Files.createFile(root.resolve(name));
        }
        return names;
    }

    private static List<String> names(Listing page) {
        return page.entries().stream().map(Listing.Entry::name).toList();
    }

    private List<String> listAll(int max) {
        List<String> found = new ArrayList<>();
        OptionalLong next = OptionalLong.of(0);
        while (next.isPresent()) {
            Listing page = directory.list(next.getAsLong(), max);
            assertThat(page.entries()).hasSizeLessThanOrEqualTo(max);
            found.addAll(names(page));
            next = page.next();
        }
        return found;
    }

    @Test
    void anEmptyDirectoryHasOneEmptyPage() {
        assertThat(directory.list(0, 100)).isEqualTo(new Listing(List.of(), OptionalLong.empty()));
    }

    @Test
    void thePageThatEndsWithTheLastNameIsTheLast() throws IOException {
        List<String> names = make("file", 10);
        Listing first = directory.list(0, 5);
        Listing second = directory.list(first.next().orElseThrow(), 5);
        assertThat(first.entries()).hasSize(5);
        assertThat(second.entries()).hasSize(5);
        assertThat(second.next()).isEmpty();
        assertThat(names(first)).doesNotContainAnyElementsOf(names(second));
        assertThat(directory.list(0, 10).next()).isEmpty();
        assertThat(listAll(1)).containsExactlyInAnyOrderElementsOf(names);
    }

    @Test
    void thePagesTogetherHaveEachNameOnce() throws IOException {
        List<String> names = make("a-name-of-some-length-", MANY);
        assertThat(listAll(100)).containsExactlyInAnyOrderElementsOf(names);
        assertThat(listAll(MANY * 2)).containsExactlyInAnyOrderElementsOf(names);
    }

    @Test
    void theCookieOfAnEntryIsWhereTheNextBegins() throws IOException {
        make("file", 50);
        Listing all = directory.list(0, 100);
        for (int i = 0; i + 1 < all.entries().size(); i++) {
            Listing one = directory.list(all.entries().get(i).cookie(), 1);
            assertThat(one.entries()).containsExactly(all.entries().get(i + 1));
        }
    }

    @Test
    void whatStaysIsListedOnceWhileOthersComeAndGo() throws IOException {
        List<String> stay = make("stay", MANY);
        List<String> go = make("go", MANY);
        List<String> found = new ArrayList<>();
        OptionalLong next = OptionalLong.of(0);
        for (int page = 0; next.isPresent(); page++) {
            Listing listing = directory.list(next.getAsLong(), 100);
            found.addAll(names(listing));
            next = listing.next();
            for (int i = page * 40; i < Math.min(MANY, (page + 1) * 40); i++) {
                Files.delete(root.resolve(go.get(i)));
            }
            make("come" + page + "-", 20);
        }
        assertThat(found).doesNotHaveDuplicates().containsAll(stay);
    }

    @Test
    void severalThreadsListOneDirectoryAtOnce() throws Exception {
        List<String> names = make("file", 1000);
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<List<String>>> results = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                results.add(threads.submit(() -> listAll(37)));
            }
            for (Future<List<String>> result : results) {
                assertThat(result.get(60, TimeUnit.SECONDS)).containsExactlyInAnyOrderElementsOf(names);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void namesOfTheGreatestLengthFit() throws IOException {
        List<String> names = IntStream.range(0, 40)
                .mapToObj(i -> (100 + i) + "x".repeat(252))
                .toList();
        for (String name : names) {
            Files.createFile(root.resolve(name));
        }
        assertThat(listAll(1)).containsExactlyInAnyOrderElementsOf(names);
    }

    @Test
    void aPageOfNothingIsRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> directory.list(0, 0));
    }
}
