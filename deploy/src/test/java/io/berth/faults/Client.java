package io.berth.faults;

import io.berth.TestFileSystem;
import io.berth.fault.Fault;
import io.berth.faults.Subject.State;
import io.berth.faults.Subject.Step;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.IntSupplier;

/**
 * Somebody who does at random what can be done to volumes, snapshots and groups that nobody else touches, one call after
 * the other. A call that fails is made again until it is answered.
 */
final class Client {
    private static final long MIB = 1 << 20;

    private final String name;
    private final Random random;
    private final IntSupplier now;
    private final Calls calls;
    private final Subject directory;
    private final Subject image;
    private final Subject archived;
    private final Subject retained;
    private final Subject copy;
    private final Subject docker;
    private final Subject ofDirectory;
    private final Subject ofImage;
    private final Subject group;
    private int nextFile;
    private Optional<Step> unfinished = Optional.empty();
    private Optional<String> refused = Optional.empty();

    /**
     * A client.
     *
     * @param now tells the moment
     */
    Client(int number, long seed, IntSupplier now, Calls calls) {
        this.name = "c" + number;
        this.random = new Random(seed * 31 + number);
        this.now = now;
        this.calls = calls;
        this.nextFile = number * 100_000;
        directory = subject("dir", Subject.Kind.VOLUME);
        image = subject("image", Subject.Kind.VOLUME);
        archived = subject("archived", Subject.Kind.VOLUME);
        retained = subject("retained", Subject.Kind.VOLUME);
        copy = subject("copy", Subject.Kind.VOLUME);
        docker = subject("docker", Subject.Kind.VOLUME);
        ofDirectory = subject("of-dir", Subject.Kind.SNAPSHOT);
        ofImage = subject("of-image", Subject.Kind.SNAPSHOT);
        group = subject("group", Subject.Kind.GROUP);
    }

    private Subject subject(String what, Subject.Kind kind) {
        return new Subject("p." + name + "-" + what, kind);
    }

    List<Subject> subjects() {
        return List.of(directory, image, archived, retained, copy, docker, ofDirectory, ofImage, group);
    }

    /** Makes so many calls, or fewer when one fails that is to be made again after a start of the driver. */
    void work(Parts parts, int count) {
        Optional<Step> left = unfinished;
        unfinished = Optional.empty();
        left.ifPresent(step -> finish(parts, step));
        for (int i = 0; i < count && unfinished.isEmpty() && refused.isEmpty(); i++) {
            step(parts);
        }
    }

    /** The call whose answer no repeat makes better; it was the last. */
    Optional<String> refused() {
        return refused;
    }

    private void step(Parts parts) {
        switch (random.nextInt(14)) {
            case 0, 1 -> volume(parts, directory, Map.of());
            case 2, 3 -> volume(parts, image, Calls.IMAGE);
            case 4, 5 -> volume(parts, archived, Map.of("subDir", "sub/" + name, "onDelete", "archive"));
            case 6 -> volume(parts, retained, Map.of("subDir", "keep/" + name, "onDelete", "retain"));
            case 7 -> copy(parts);
            case 8, 9 -> docker(parts);
            case 10 -> snapshot(parts, directory, ofDirectory);
            case 11 -> snapshot(parts, image, ofImage);
            case 12 -> group(parts);
            default -> commitOrReap(parts);
        }
    }

    private void commitOrReap(Parts parts) {
        if (random.nextBoolean()) {
            TestFileSystem.run("sync", "--file-system", parts.root.toString());
        } else {
            parts.reap();
        }
    }

    private void volume(Parts parts, Subject subject, Map<String, String> parameters) {
        State state = subject.state();
        if (!state.there()) {
            boolean isImage = parameters.equals(Calls.IMAGE);
            long bytes = isImage ? 16 * MIB : MIB;
            Set<Integer> adopted = subject == retained ? state.kept() : Set.of();
            State made = State.made(isImage, bytes, adopted).keeping(state.kept());
            call(parts, subject, "create", made, calls.create(subject, bytes, parameters, Optional.empty()));
            return;
        }
        switch (random.nextInt(6)) {
            case 0 -> {
                long bytes = state.bytes() + MIB;
                call(parts, subject, "expand", state.withBytes(bytes), calls.expand(subject, bytes));
            }
            case 1 -> {
                boolean attach = !state.attached();
                Consumer<Parts> call = attach ? calls.attach(subject) : calls.detach(subject);
                call(parts, subject, attach ? "attach" : "detach", state.attached(attach), call);
            }
            case 2 -> delete(parts, subject, parameters.containsKey("onDelete"));
            default -> {
                int number = nextFile++;
                Consumer<Parts> call = calls.write(subject, state.image(), number);
                call(parts, subject, "write " + number, state.withFile(number), call);
            }
        }
    }

    private void delete(Parts parts, Subject subject, boolean keepsFiles) {
        State state = subject.state();
        Set<Integer> kept = new HashSet<>(state.kept());
        if (keepsFiles) {
            kept.addAll(state.own());
        }
        call(parts, subject, "delete", State.NONE.keeping(kept), calls.delete(subject));
    }

    private void copy(Parts parts) {
        if (copy.state().there()) {
            volume(parts, copy, Map.of());
            return;
        }
        List<Subject> sources = List.of(directory, image, ofDirectory, ofImage);
        Subject source = sources.get(random.nextInt(sources.size()));
        State of = source.state();
        if (of.there()) {
            Consumer<Parts> call =
                    calls.create(copy, of.bytes(), of.image() ? Calls.IMAGE : Map.of(), Optional.of(source));
            call(parts, copy, "create of " + source.id, State.made(of.image(), of.bytes(), of.own()), call);
        }
    }

    private void docker(Parts parts) {
        State state = docker.state();
        if (!state.there()) {
            call(parts, docker, "docker create", State.made(false, MIB, Set.of()), calls.dockerCreate(docker));
        } else if (random.nextInt(3) == 0) {
            call(parts, docker, "docker remove", State.NONE, calls.dockerRemove(docker));
        } else {
            int number = nextFile++;
            call(parts, docker, "docker write " + number, state.withFile(number), calls.dockerWrite(docker, number));
        }
    }

    private void snapshot(Parts parts, Subject source, Subject snapshot) {
        State of = source.state();
        if (snapshot.state().there()) {
            call(parts, snapshot, "delete snapshot", State.NONE, calls.deleteSnapshot(snapshot));
        } else if (of.there()) {
            State made = State.made(of.image(), of.bytes(), of.own());
            call(parts, snapshot, "snapshot of " + source.id, made, calls.snapshot(snapshot, source));
        }
    }

    private void group(Parts parts) {
        if (group.state().there()) {
            call(parts, group, "delete group", State.NONE, calls.deleteGroup(group));
            return;
        }
        Map<String, Set<Integer>> files = new TreeMap<>();
        for (Subject source : List.of(image, copy)) {
            if (source.state().there() && source.state().image()) {
                files.put(source.id, source.state().own());
            }
        }
        if (!files.isEmpty()) {
            List<String> sources = List.copyOf(files.keySet());
            call(parts, group, "group of " + sources, State.ofGroup(files), calls.group(group, sources));
        }
    }

    private void call(Parts parts, Subject subject, String what, State after, Consumer<Parts> call) {
        finish(parts, subject.begin(what, now.getAsInt(), after, call));
    }

    /** Makes the call until it is answered; after a failure that may be only once the driver was started anew. */
    private void finish(Parts parts, Step step) {
        while (unfinished.isEmpty() && refused.isEmpty()) {
            try {
                step.call.accept(parts);
                step.answered = now.getAsInt();
                return;
            } catch (Fault e) {
                if (e.kind() != Fault.Kind.UNAVAILABLE && e.kind() != Fault.Kind.BUSY) {
                    refused = Optional.of(step + ": " + e.getMessage());
                } else if (random.nextInt(3) == 0) {
                    unfinished = Optional.of(step);
                }
            }
        }
    }
}
