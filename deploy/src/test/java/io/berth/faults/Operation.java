package io.berth.faults;

import io.berth.faults.Subject.State;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** One call whose system calls are to fail, and what has to be there before. */
enum Operation {
    CREATE_DIRECTORY {
        @Override
        void make(Script script) {
            script.last(script.create(Map.of()));
        }
    },
    CREATE_IMAGE {
        @Override
        void make(Script script) {
            script.last(script.create(Calls.IMAGE));
        }
    },
    CREATE_AT_PATH {
        @Override
        void make(Script script) {
            script.last(script.create(Map.of("subDir", "sub/c")));
        }
    },
    DELETE_DIRECTORY {
        @Override
        void make(Script script) {
            script.done(script.create(Map.of()));
            script.done(script.write());
            script.last(script.delete(false));
        }
    },
    DELETE_IMAGE {
        @Override
        void make(Script script) {
            script.done(script.create(Calls.IMAGE));
            script.last(script.delete(false));
        }
    },
    ARCHIVE {
        @Override
        void make(Script script) {
            script.done(script.create(Map.of("subDir", "sub/c", "onDelete", "archive")));
            script.done(script.write());
            script.last(script.delete(true));
        }
    },
    RETAIN {
        @Override
        void make(Script script) {
            script.done(script.create(Map.of("subDir", "keep/c", "onDelete", "retain")));
            script.done(script.write());
            script.last(script.delete(true));
        }
    },
    EXPAND_DIRECTORY {
        @Override
        void make(Script script) {
            script.done(script.create(Map.of()));
            script.last(script.expand());
        }
    },
    EXPAND_IMAGE {
        @Override
        void make(Script script) {
            script.done(script.create(Calls.IMAGE));
            script.last(script.expand());
        }
    },
    STAGE_IMAGE {
        @Override
        void make(Script script) {
            script.done(script.create(Calls.IMAGE));
            script.last(script.write());
        }
    },
    ATTACH {
        @Override
        void make(Script script) {
            script.done(script.create(Map.of()));
            script.last(script.attach(true));
        }
    },
    DETACH {
        @Override
        void make(Script script) {
            script.done(script.create(Map.of()));
            script.done(script.attach(true));
            script.last(script.attach(false));
        }
    },
    SNAPSHOT_DIRECTORY {
        @Override
        void make(Script script) {
            script.done(script.create(Map.of()));
            script.done(script.write());
            script.last(script.snapshot());
        }
    },
    SNAPSHOT_IMAGE {
        @Override
        void make(Script script) {
            script.done(script.create(Calls.IMAGE));
            script.done(script.write());
            script.last(script.snapshot());
        }
    },
    DELETE_SNAPSHOT {
        @Override
        void make(Script script) {
            script.done(script.create(Map.of()));
            script.done(script.snapshot());
            script.last(script.deleteSnapshot());
        }
    },
    RESTORE_DIRECTORY {
        @Override
        void make(Script script) {
            script.done(script.create(Map.of()));
            script.done(script.write());
            script.done(script.snapshot());
            script.last(script.copy(script.snapshot, Map.of()));
        }
    },
    RESTORE_AT_PATH {
        @Override
        void make(Script script) {
            script.done(script.create(Map.of()));
            script.done(script.write());
            script.done(script.snapshot());
            script.last(script.copy(script.snapshot, Map.of("subDir", "sub/c")));
        }
    },
    CLONE_DIRECTORY {
        @Override
        void make(Script script) {
            script.done(script.create(Map.of()));
            script.done(script.write());
            script.last(script.copy(script.volume, Map.of()));
        }
    },
    CLONE_IMAGE {
        @Override
        void make(Script script) {
            script.done(script.create(Calls.IMAGE));
            script.done(script.write());
            script.last(script.copy(script.volume, Calls.IMAGE));
        }
    },
    GROUP {
        @Override
        void make(Script script) {
            script.done(script.create(Calls.IMAGE));
            script.last(script.group());
        }
    },
    DELETE_GROUP {
        @Override
        void make(Script script) {
            script.done(script.create(Calls.IMAGE));
            script.done(script.group());
            script.last(script.deleteGroup());
        }
    },
    DOCKER_CREATE {
        @Override
        void make(Script script) {
            script.last(script.dockerCreate());
        }
    },
    DOCKER_MOUNT {
        @Override
        void make(Script script) {
            script.done(script.dockerCreate());
            script.last(script.dockerWrite());
        }
    },
    DOCKER_REMOVE {
        @Override
        void make(Script script) {
            script.done(script.dockerCreate());
            script.done(script.dockerWrite());
            script.last(script.dockerRemove());
        }
    };

    /** Makes what has to be there, and names the call. */
    abstract void make(Script script);

    /** Whether its answer promises that something is on disk; that of a mount does not. */
    boolean promises() {
        return this != STAGE_IMAGE && this != DOCKER_MOUNT;
    }

    /** A call, not made yet. */
    record Planned(Subject subject, State after, Consumer<Parts> call) {}

    /** Makes calls on subjects, and keeps account of them. */
    static final class Script {
        private static final long MIB = 1 << 20;

        final Subject volume = new Subject("p.c-volume", Subject.Kind.VOLUME);
        final Subject copy = new Subject("p.c-copy", Subject.Kind.VOLUME);
        final Subject snapshot = new Subject("p.c-snapshot", Subject.Kind.SNAPSHOT);
        final Subject group = new Subject("p.c-group", Subject.Kind.GROUP);

        private final Parts parts;
        private final Calls calls;
        private final List<Planned> last = new ArrayList<>();
        private int nextFile;
        private int moment;

        Script(Parts parts, Calls calls, int firstFile) {
            this.parts = parts;
            this.calls = calls;
            this.nextFile = firstFile;
        }

        List<Subject> subjects() {
            return List.of(volume, copy, snapshot, group);
        }

        Parts parts() {
            return parts;
        }

        /** The moment now. */
        int moment() {
            return moment;
        }

        /** The call that is to fail. */
        Planned last() {
            return last.getFirst();
        }

        private void last(Planned planned) {
            last.add(planned);
        }

        private void done(Planned planned) {
            planned.call.accept(parts);
            planned.subject.begin("before", moment++, planned.after, planned.call).answered = moment++;
        }

        private Planned create(Map<String, String> parameters) {
            boolean isImage = parameters.equals(Calls.IMAGE);
            long bytes = isImage ? 16 * MIB : MIB;
            return new Planned(
                    volume,
                    State.made(isImage, bytes, Set.of()),
                    calls.create(volume, bytes, parameters, Optional.empty()));
        }

        private Planned write() {
            int number = nextFile++;
            State state = volume.state();
            return new Planned(volume, state.withFile(number), calls.write(volume, state.image(), number));
        }

        private Planned delete(boolean keepsFiles) {
            Set<Integer> kept = new HashSet<>(keepsFiles ? volume.state().own() : Set.of());
            return new Planned(volume, State.NONE.keeping(kept), calls.delete(volume));
        }

        private Planned expand() {
            long bytes = volume.state().bytes() + MIB;
            return new Planned(volume, volume.state().withBytes(bytes), calls.expand(volume, bytes));
        }

        private Planned attach(boolean attach) {
            State after = volume.state().attached(attach);
            return new Planned(volume, after, attach ? calls.attach(volume) : calls.detach(volume));
        }

        private Planned snapshot() {
            State of = volume.state();
            State made = State.made(of.image(), of.bytes(), of.own());
            return new Planned(snapshot, made, calls.snapshot(snapshot, volume));
        }

        private Planned deleteSnapshot() {
            return new Planned(snapshot, State.NONE, calls.deleteSnapshot(snapshot));
        }

        private Planned copy(Subject source, Map<String, String> parameters) {
            State of = source.state();
            State made = State.made(of.image(), of.bytes(), of.own());
            return new Planned(copy, made, calls.create(copy, of.bytes(), parameters, Optional.of(source)));
        }

        private Planned group() {
            State made = State.ofGroup(Map.of(volume.id, volume.state().own()));
            return new Planned(group, made, calls.group(group, List.of(volume.id)));
        }

        private Planned deleteGroup() {
            return new Planned(group, State.NONE, calls.deleteGroup(group));
        }

        private Planned dockerCreate() {
            return new Planned(volume, State.made(false, MIB, Set.of()), calls.dockerCreate(volume));
        }

        private Planned dockerWrite() {
            int number = nextFile++;
            return new Planned(volume, volume.state().withFile(number), calls.dockerWrite(volume, number));
        }

        private Planned dockerRemove() {
            return new Planned(volume, State.NONE, calls.dockerRemove(volume));
        }
    }
}
