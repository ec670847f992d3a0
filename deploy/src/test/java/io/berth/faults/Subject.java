package io.berth.faults;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * A volume, a snapshot or a group, and what was done to it, one call after the other by one client. Moments are positions
 * in the log of the disk.
 */
final class Subject {
    /** What a subject is. */
    enum Kind {
        VOLUME,
        SNAPSHOT,
        GROUP
    }

    /**
     * What is there of it.
     *
     * @param bytes its capacity
     * @param files those that are whole in it; of a group: in its snapshots, by their sources
     * @param attached whether the node has it
     * @param kept the files that outlive its deletion
     */
    record State(
            boolean there,
            boolean image,
            long bytes,
            Map<String, Set<Integer>> files,
            boolean attached,
            Set<Integer> kept) {
        static final State NONE = new State(false, false, 0, Map.of(), false, Set.of());

        /** A volume, or a snapshot of one, that no node has. */
        static State made(boolean image, long bytes, Set<Integer> files) {
            return new State(true, image, bytes, Map.of("", files), false, Set.of());
        }

        static State ofGroup(Map<String, Set<Integer>> files) {
            return new State(true, true, 0, files, false, Set.of());
        }

        State {
            files = Map.copyOf(files);
            kept = Set.copyOf(kept);
        }

        Set<Integer> own() {
            return files.getOrDefault("", Set.of());
        }

        State withFile(int number) {
            Set<Integer> more = new TreeSet<>(own());
            more.add(number);
            return new State(there, image, bytes, Map.of("", more), attached, kept);
        }

        State withBytes(long more) {
            return new State(there, image, more, files, attached, kept);
        }

        State keeping(Set<Integer> numbers) {
            return new State(there, image, bytes, files, attached, numbers);
        }

        State attached(boolean now) {
            return new State(there, image, bytes, files, now, kept);
        }

        @Override
        public String toString() {
            return there
                    ? "there, " + bytes + " bytes, files " + new TreeMap<>(files) + (attached ? ", attached" : "")
                    : "absent" + (kept.isEmpty() ? "" : ", kept " + new TreeSet<>(kept));
        }
    }

    /** A call on it, which may be made again. */
    static final class Step {
        final String what;
        final State after;
        final Consumer<Parts> call;
        final int begun;
        volatile int answered = Integer.MAX_VALUE;

        private Step(String what, int begun, State after, Consumer<Parts> call) {
            this.what = what;
            this.begun = begun;
            this.after = after;
            this.call = call;
        }

        @Override
        public String toString() {
            return what + " [" + begun + ".." + (answered == Integer.MAX_VALUE ? "" : answered) + "] -> " + after;
        }
    }

    final String id;
    final Kind kind;
    private final List<Step> steps = new ArrayList<>();

    Subject(String id, Kind kind) {
        this.id = id;
        this.kind = kind;
    }

    Step begin(String what, int now, State after, Consumer<Parts> call) {
        Step step = new Step(what, now, after, call);
        steps.add(step);
        return step;
    }

    /** What is there when everything was answered. */
    State state() {
        return steps.isEmpty() ? State.NONE : steps.getLast().after;
    }

    /** What must be there at a moment, but for what {@link #under} may have done. */
    State before(int moment) {
        return steps.stream()
                .filter(step -> step.answered <= moment)
                .reduce((first, second) -> second)
                .map(step -> step.after)
                .orElse(State.NONE);
    }

    /** The call that was not answered at a moment. */
    Optional<Step> under(int moment) {
        return steps.stream()
                .filter(step -> step.begun <= moment && step.answered > moment)
                .findFirst();
    }

    /** The moments at which calls were answered. */
    List<Integer> answers() {
        return steps.stream()
                .map(step -> step.answered)
                .filter(moment -> moment != Integer.MAX_VALUE)
                .toList();
    }

    /** What was done up to a moment, for people. */
    String story(int moment) {
        StringBuilder story = new StringBuilder(id);
        steps.stream()
                .filter(step -> step.begun <= moment)
                .forEach(step -> story.append("\n    ").append(step));
        return story.toString();
    }
}
