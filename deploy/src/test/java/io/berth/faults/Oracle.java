package io.berth.faults;

import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.faults.Subject.State;
import io.berth.faults.Subject.Step;
import io.berth.pool.PoolCheck;
import io.berth.volume.GroupSnapshot;
import io.berth.volume.GroupSnapshotId;
import io.berth.volume.Snapshot;
import io.berth.volume.Volume;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What must hold of a driver that was started after the power failed: the effect of each call that was answered is there,
 * one that was not is whole or absent and can be made again, nothing else shows, and all can be deleted and leaves nothing.
 */
final class Oracle {
    private final Parts parts;
    private final Calls calls;
    private final List<Subject> subjects;
    private final int moment;
    private final List<String> violations = new ArrayList<>();

    private Oracle(Parts parts, Calls calls, List<Subject> subjects, int moment) {
        this.parts = parts;
        this.calls = calls;
        this.subjects = subjects;
        this.moment = moment;
    }

    /**
     * Judges a driver that was started after the power failed, and deletes everything.
     *
     * @param moment when that was
     * @return what does not hold
     */
    static List<String> afterStart(Parts parts, Calls calls, List<Subject> subjects, int moment) {
        Oracle oracle = new Oracle(parts, calls, subjects, moment);
        oracle.guarded("lists", oracle::nothingElseShows);
        oracle.guarded("check", oracle::theCheckFindsNothing);
        oracle.forEach(oracle::isAsAnswered);
        oracle.end();
        return oracle.violations;
    }

    /** As {@link #afterStart}, of one that went on after a call failed: what that left shows when it is repeated. */
    static List<String> afterFailure(Parts parts, Calls calls, List<Subject> subjects, int moment) {
        Oracle oracle = new Oracle(parts, calls, subjects, moment);
        oracle.forEach(subject -> {
            if (subject.under(moment).isEmpty()) {
                oracle.isAsAnswered(subject);
            }
        });
        oracle.end();
        return oracle.violations;
    }

    private void end() {
        forEach(this::canBeMadeAgain);
        guarded("lists in the end", this::nothingElseShows);
        guarded("check in the end", this::theCheckFindsNothing);
        subjects.reversed().forEach(subject -> guarded(subject.id, () -> canBeDeleted(subject)));
        guarded("in the end", this::nothingIsLeft);
    }

    private void forEach(Consumer<Subject> check) {
        subjects.forEach(subject -> guarded(subject.id, () -> check.accept(subject)));
    }

    private void guarded(String what, Runnable check) {
        try {
            check.run();
        } catch (Fault | AssertionError | UncheckedIOException e) {
            violations.add(what + ": " + e);
        }
    }

    private void violated(Subject subject, String what) {
        violations.add(what + "\n  " + subject.story(moment));
    }

    private void isAsAnswered(Subject subject) {
        State before = subject.before(moment);
        Optional<Step> under = subject.under(moment);
        List<State> allowed = Stream.concat(Stream.of(before), under.map(step -> step.after).stream())
                .toList();
        List<String> wrong = new ArrayList<>();
        for (State state : allowed) {
            Optional<String> problem = problem(subject, state);
            if (problem.isEmpty()) {
                return;
            }
            wrong.add(problem.get());
        }
        violated(subject, String.join(", and ", wrong));
    }

    private void canBeMadeAgain(Subject subject) {
        subject.under(moment).ifPresent(step -> {
            try {
                step.call.accept(parts);
            } catch (Fault e) {
                violated(subject, "the same call again: " + e.getMessage());
                return;
            }
            problem(subject, step.after)
                    .ifPresent(problem -> violated(subject, "after the same call again: " + problem));
        });
    }

    private Optional<String> problem(Subject subject, State state) {
        return switch (subject.kind) {
            case VOLUME -> ofVolume(subject.id, state);
            case SNAPSHOT -> ofSnapshot(subject.id, state);
            case GROUP -> ofGroup(subject.id, state);
        };
    }

    private Optional<String> ofVolume(String id, State state) {
        Optional<Volume> found = parts.volumes.find(id);
        if (found.isPresent() != state.there()) {
            return Optional.of("the volume is " + (state.there() ? "gone" : "there"));
        }
        if (!state.kept().isEmpty() && !areKept(state.kept())) {
            return Optional.of("what was kept of " + state + " is not whole");
        }
        if (found.isEmpty()) {
            return Optional.empty();
        }
        if (found.get().capacityBytes() != state.bytes()) {
            return Optional.of(found.get().capacityBytes() + " bytes instead of " + state.bytes());
        }
        if (found.get().attachments().containsKey(Parts.NODE) != state.attached()) {
            return Optional.of("attachments are " + found.get().attachments());
        }
        try {
            return Numbered.areWhole(calls.files(parts, id, state.image()), state.own())
                    ? Optional.empty()
                    : Optional.of("a file of " + state + " is not whole");
        } catch (Fault e) {
            return Optional.of("cannot be used: " + e.getMessage());
        }
    }

    /** Each file lies in a folder that was retained, or in an archive. */
    private boolean areKept(Set<Integer> numbers) {
        Path retained = parts.root.resolve("keep");
        List<Path> folders = new ArrayList<>(Files.exists(retained) ? children(retained) : List.of());
        children(parts.root).stream()
                .filter(child -> child.getFileName().toString().startsWith("archived-"))
                .forEach(folders::add);
        return numbers.stream()
                .allMatch(number -> folders.stream().anyMatch(folder -> Numbered.areWhole(folder, Set.of(number))));
    }

    private Optional<String> ofSnapshot(String id, State state) {
        Optional<Snapshot> found = parts.snapshots.find(id);
        if (found.isPresent() != state.there()) {
            return Optional.of("the snapshot is " + (state.there() ? "gone" : "there"));
        }
        if (found.isEmpty()) {
            return Optional.empty();
        }
        return found.get().ready() ? ofCopy(found.get(), state.image(), state.own()) : Optional.of("it is not ready");
    }

    /** A snapshot is what is restored from it. */
    private Optional<String> ofCopy(Snapshot snapshot, boolean isImage, Set<Integer> files) {
        Subject restored = new Subject("p.restored", Subject.Kind.VOLUME);
        Subject source = new Subject(snapshot.id().toString(), Subject.Kind.SNAPSHOT);
        try {
            calls.create(restored, 0, isImage ? Calls.IMAGE : Map.of(), Optional.of(source))
                    .accept(parts);
            boolean whole = Numbered.areWhole(calls.files(parts, restored.id, isImage), files);
            return whole ? Optional.empty() : Optional.of("a file of " + files + " is not whole in " + snapshot.id());
        } catch (Fault e) {
            return Optional.of("cannot be restored: " + e.getMessage());
        } finally {
            calls.delete(parts, restored.id);
        }
    }

    private Optional<String> ofGroup(String id, State state) {
        Optional<GroupSnapshot> found =
                parts.pool().groups().find(GroupSnapshotId.parse(id).orElseThrow());
        if (found.isPresent() != state.there()) {
            return Optional.of("the group is " + (state.there() ? "gone" : "there"));
        }
        for (Snapshot member : found.map(parts.pool().groups()::members).orElse(List.of())) {
            Optional<String> problem = ofCopy(
                    member, true, state.files().getOrDefault(member.source().toString(), Set.of()));
            if (problem.isPresent()) {
                return problem;
            }
        }
        return Optional.empty();
    }

    /** What shows must be there; that what must be there shows is looked at one by one. */
    private void nothingElseShows() {
        Set<String> known = subjects.stream().map(subject -> subject.id).collect(Collectors.toSet());
        for (Volume volume : parts.volumes.list("", 0).volumes()) {
            if (!known.contains(volume.id().toString())) {
                violations.add("listed, but nobody made it: " + volume);
            }
            if (parts.volumes.find(volume.id().toString()).isEmpty()) {
                violations.add("listed, but not found: " + volume);
            }
        }
        for (Snapshot snapshot : parts.snapshots.list(Optional.empty(), "", 0).snapshots()) {
            boolean expected = snapshot.group().isPresent()
                    ? parts.pool().groups().find(snapshot.group().get()).isPresent()
                    : known.contains(snapshot.id().toString());
            if (!expected || !snapshot.ready()) {
                violations.add("listed, but half made: " + snapshot);
            }
        }
    }

    private void theCheckFindsNothing() {
        PoolCheck.run(parts.pool(), false, finding -> violations.add("the check finds " + finding));
    }

    private void canBeDeleted(Subject subject) {
        switch (subject.kind) {
            case VOLUME -> calls.delete(subject).accept(parts);
            case SNAPSHOT -> calls.deleteSnapshot(subject).accept(parts);
            case GROUP -> calls.deleteGroup(subject).accept(parts);
        }
    }

    private void nothingIsLeft() {
        parts.reap();
        for (Path child : children(parts.root)) {
            String name = child.getFileName().toString();
            if (!Set.of(".berth", "sub", "keep").contains(name) && !name.startsWith("archived-")) {
                violations.add("left in the end: " + child);
            }
        }
        if (Files.exists(parts.root.resolve("sub"))) {
            children(parts.root.resolve("sub")).forEach(child -> violations.add("left in the end: " + child));
        }
        String left = TestFileSystem.shell(
                parts.root.resolve(".berth"),
                "find creating volumes deleting paths copying tmp trash snapshots ! -type d;"
                        + " find copying trash snapshots/data snapshots/copying snapshots/by-source -mindepth 1 -type d");
        left.lines().forEach(line -> violations.add("left in the end: .berth/" + line));
        parts.pool().recover(); // what a failed call changed is counted when the folder is read again
        if (parts.pool().promisedBytes() != 0) {
            violations.add(parts.pool().promisedBytes() + " bytes are promised in the end");
        }
    }

    private static List<Path> children(Path folder) {
        try (Stream<Path> children = Files.list(folder)) {
            return children.toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
