package io.berth.pool;

import io.berth.fault.Fault;
import io.berth.nfs.Export;
import io.berth.nfs.NfsShare;
import io.berth.volume.Id;
import io.berth.volume.NodeId;
import io.berth.volume.PoolName;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pools of the settings. A pool is opened when it is first used; one that cannot be opened harms no other and is tried
 * again by each call that needs it. One whose path leads elsewhere than when it was opened is opened anew if it lies there;
 * if not, calls are refused. Thread-safe.
 */
public final class Pools implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Pools.class);
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final Map<PoolName, Slot> slots = new LinkedHashMap<>();
    private final Function<PoolConfig, Pool> opener;
    private final Consumer<Pool> begin;
    private final Copies copies = new Copies();
    private final boolean serving;
    /** In the order in which they were let go. */
    private final Queue<LetGo> letGo = new ConcurrentLinkedQueue<>();

    /** A pool that nobody is given any more, and since when by {@link System#nanoTime}. */
    private record LetGo(Pool pool, long since) {}

    private static final class Slot {
        final PoolConfig config;
        final ReentrantLock opening = new ReentrantLock();
        volatile @Nullable Pool pool;
        /** Why the pool, which lies no longer where it was opened, could not be opened anew. */
        volatile @Nullable Fault lost;

        Slot(PoolConfig config) {
            this.config = config;
        }
    }

    private Pools(boolean serving, List<PoolConfig> configs, Function<PoolConfig, Pool> opener, Consumer<Pool> begin) {
        this.serving = serving;
        this.opener = opener;
        this.begin = begin;
        for (PoolConfig config : configs) {
            if (slots.putIfAbsent(config.name(), new Slot(config)) != null) {
                throw Fault.invalid("pool", config.name().text(), "there are two of this name");
            }
        }
        refuseNested(configs);
    }

    /**
     * Pools that this process serves: made where they are new, recovered when they are opened.
     *
     * @throws Fault INVALID_ARGUMENT when two have one name, or the folder of one lies in that of another
     */
    public static Pools serving(List<PoolConfig> configs) {
        return serving(configs, Optional.empty());
    }

    /**
     * As {@link #serving(List)}.
     *
     * @param node this node, to be known in each pool, so that controllers on other nodes can give it volumes
     */
    public static Pools serving(List<PoolConfig> configs, Optional<NodeId> node) {
        return new Pools(true, configs, Pool::open, pool -> {
            pool.recover();
            pool.others()
                    .ifPresent(text -> LOG.warn("pool {}: {}", pool.config().name(), text));
            node.ifPresent(pool.nodes()::register);
        });
    }

    /** Pools that another process may be serving: opened as they are. */
    public static Pools beside(List<PoolConfig> configs) {
        return new Pools(false, configs, Pool::openExisting, pool -> {});
    }

    private static void refuseNested(List<PoolConfig> configs) {
        for (PoolConfig inner : configs) {
            for (PoolConfig outer : configs) {
                if (!inner.name().equals(outer.name()) && isIn(inner, outer)) {
                    throw Fault.invalid(
                            "pool",
                            inner.toString(),
                            "its folder lies in that of pool " + outer.name() + "; give each pool a folder of its own");
                }
            }
        }
    }

    private static boolean isIn(PoolConfig inner, PoolConfig outer) {
        boolean exports = inner.nfs().isPresent()
                && outer.nfs().isPresent()
                && inner.nfs().get().export().isIn(outer.nfs().get().export());
        return exports
                || (inner.mounted().isEmpty()
                        && outer.mounted().isEmpty()
                        && real(inner.root()).startsWith(real(outer.root())));
    }

    /**
     * A folder of an export.
     *
     * @param below the folder in the pool's root; empty: the root itself
     */
    public record InExport(PoolConfig pool, List<String> below) {
        public InExport {
            below = List.copyOf(below);
        }
    }

    /**
     * Where an export, or a folder in one, lies: the pools are what may be used of any server.
     *
     * @throws Fault INVALID_ARGUMENT naming the pools when it is in none
     */
    public InExport of(Export export) {
        return find(export)
                .orElseThrow(() -> Fault.invalid(
                        "server and share",
                        export.toString(),
                        "in no pool; there are " + configs() + "; --pool NAME=nfs:" + export
                                + " adds one, or one of a folder above that"));
    }

    /** As {@link #of(Export)}; empty when it is in no pool. */
    public Optional<InExport> find(Export export) {
        for (PoolConfig config : configs()) {
            Optional<Export> outer = config.nfs().map(NfsShare::export);
            if (outer.filter(export::isIn).isPresent()) {
                List<String> below = new ArrayList<>();
                outer.get().path().relativize(export.path()).forEach(part -> below.add(part.toString()));
                below.removeIf(String::isEmpty);
                return Optional.of(new InExport(config, below));
            }
        }
        return Optional.empty();
    }

    private static Path real(Path path) {
        try {
            return path.toRealPath();
        } catch (IOException e) {
            return path; // missing: the pool says so when it is used
        }
    }

    /** Where the pools of these settings lie, without symbolic links. What is mounted from a server is not asked. */
    public static List<Path> folders(List<PoolConfig> configs) {
        return configs.stream()
                .map(config -> config.mounted().isPresent() ? config.root() : real(config.root()))
                .toList();
    }

    public List<PoolConfig> configs() {
        return slots.values().stream().map(slot -> slot.config).toList();
    }

    /**
     * The pool of this name, opened.
     *
     * @throws Fault NOT_FOUND when the settings have none of this name, FAILED_PRECONDITION when it cannot be used,
     *     UNAVAILABLE while it is being recovered and while the file system that it awaits is not mounted
     */
    public Pool get(PoolName name) {
        Slot slot = slots.get(name);
        if (slot == null) {
            throw new Fault(Fault.Kind.NOT_FOUND, "there is no pool " + name + "; the pools here are " + names());
        }
        Pool open = slot.pool;
        if (open == null || !open.isInPlace()) {
            return open(slot);
        }
        if (slot.lost != null) {
            slot.lost = null;
        }
        return open;
    }

    /** Whether the settings have no pool of this name. */
    public boolean hasNone(PoolName name) {
        return !slots.containsKey(name);
    }

    /** The pool of this name if the settings have one, opened; see {@link #get}. */
    public Optional<Pool> find(PoolName name) {
        return slots.containsKey(name) ? Optional.of(get(name)) : Optional.empty();
    }

    /** The pool of this name if it was opened, even when it lies no longer where that was; else as {@link #find}. */
    public Optional<Pool> lastOpened(PoolName name) {
        Slot slot = slots.get(name);
        return Optional.ofNullable(slot)
                .flatMap(known -> Optional.ofNullable(known.pool))
                .or(() -> find(name));
    }

    /** Whether the pool of this name was opened and lies where it was. */
    public boolean isInPlace(PoolName name) {
        Slot slot = slots.get(name);
        Pool open = slot == null ? null : slot.pool;
        return open != null && open.isInPlace();
    }

    private Pool open(Slot slot) {
        lock(slot);
        try {
            Pool before = slot.pool;
            if (before != null && before.isInPlace()) {
                slot.lost = null;
                return before;
            }
            if (before != null && slot.config.awaitsMount()) {
                letGo(slot, before);
                before = null;
            }
            Pool opened = before == null ? opener.apply(slot.config) : openAnew(slot, before);
            try {
                begin.accept(opened);
            } catch (RuntimeException e) {
                opened.close();
                throw e;
            }
            if (before != null) {
                letGo(slot, before);
            }
            slot.lost = null;
            slot.pool = opened;
            return opened;
        } finally {
            slot.opening.unlock();
        }
    }

    /** Opens what lies at the path of a pool by now, if that is the pool: else calls would be answered as if it were empty. */
    private static Pool openAnew(Slot slot, Pool before) {
        try {
            Pool opened = Pool.openExisting(slot.config);
            if (opened.identity().equals(before.identity())) {
                return opened;
            }
            opened.close();
            throw notInPlace(slot.config, "it is another pool");
        } catch (Fault e) {
            Fault lost = e.kind() == Fault.Kind.UNAVAILABLE ? e : notInPlace(slot.config, e.getMessage());
            slot.lost = lost;
            throw lost;
        }
    }

    private static Fault notInPlace(PoolConfig config, String found) {
        return new Fault(
                Fault.Kind.UNAVAILABLE,
                "pool " + config.name() + " cannot be used: " + PoolFolder.notInPlace(config) + " (found there: "
                        + found + ")");
    }

    /** The caller has the lock. */
    private void letGo(Slot slot, Pool open) {
        LOG.warn("pool {}: what was opened at {} is there no longer", slot.config.name(), slot.config.place());
        slot.pool = null;
        letGo.add(new LetGo(open, System.nanoTime()));
    }

    /**
     * Opens pools anew that lie no longer where they were opened, lets go of those whose file system was unmounted, and
     * closes what was let go later: open files keep a file system from being checked or taken out of the machine.
     *
     * @param lastCalls how long calls that have such a pool may go on with it
     */
    void keepInPlace(Duration lastCalls) {
        for (Slot slot : slots.values()) {
            try {
                keepInPlace(slot);
            } catch (Fault e) {
                LOG.debug("housekeeping: {}", e.getMessage()); // calls on that pool say so
            }
        }
        long now = System.nanoTime();
        while (!letGo.isEmpty() && now - letGo.element().since() >= lastCalls.toNanos()) {
            letGo.remove().pool().close();
        }
    }

    private void keepInPlace(Slot slot) {
        Pool open = slot.pool;
        if (open == null || open.isInPlace() || !slot.opening.tryLock()) {
            return;
        }
        try {
            if (!slot.config.awaitsMount()) {
                Pool unused = open(slot);
            } else if (slot.pool == open) {
                letGo(slot, open);
            }
        } finally {
            slot.opening.unlock();
        }
    }

    private static void lock(Slot slot) {
        try {
            if (slot.opening.tryLock(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
                return;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        throw new Fault(Fault.Kind.UNAVAILABLE, "pool " + slot.config.name() + " is still being opened; try again");
    }

    /**
     * Lets a copy begin. A process that serves refuses one during which processes ended; a command, which a person runs and
     * nobody else depends on, does not.
     *
     * @throws Fault as {@link CrashedCopies#requireFew}
     */
    public void requireFewCrashes(Pool pool, Id id) {
        if (serving) {
            pool.crashed().requireFew(id);
        }
    }

    /** The copies that this process makes in these pools. */
    public Copies copies() {
        return copies;
    }

    /** The only pool's name; empty when there are several. */
    public Optional<PoolName> only() {
        return slots.size() == 1 ? Optional.of(slots.keySet().iterator().next()) : Optional.empty();
    }

    /** The names, for messages. */
    public String names() {
        return slots.keySet().stream().map(PoolName::text).collect(Collectors.joining(", "));
    }

    /** Those that are open now. */
    public List<Pool> opened() {
        return slots.values().stream()
                .flatMap(slot -> Optional.ofNullable(slot.pool).stream())
                .toList();
    }

    /**
     * Why one of the pools on this machine cannot be used, if so; tries to open those that are not. Servers are not asked:
     * that one is silent is no reason to start this process anew. That a server lost what was opened there is told.
     */
    public Optional<Fault> problem() {
        return problem(config -> config.mounted().isEmpty())
                .or(() -> slots.values().stream()
                        .filter(slot -> slot.config.mounted().isPresent())
                        .flatMap(slot -> Optional.ofNullable(slot.lost).stream())
                        .findFirst());
    }

    /** As {@link #problem}, of the pools that lie on servers. */
    public Optional<Fault> problemOfServers() {
        return problem(config -> config.mounted().isPresent());
    }

    private Optional<Fault> problem(Predicate<PoolConfig> which) {
        for (PoolConfig config : configs()) {
            if (which.test(config)) {
                try {
                    Optional<Fault> problem = get(config.name()).problem();
                    if (problem.isPresent()) {
                        return problem;
                    }
                } catch (Fault e) {
                    return Optional.of(e);
                }
            }
        }
        return Optional.empty();
    }

    @Override
    public void close() {
        copies.close();
        letGo.forEach(gone -> gone.pool().close());
        CompletableFuture.allOf(opened().stream()
                        .map(pool -> CompletableFuture.runAsync(
                                pool::close,
                                Thread.ofPlatform()
                                        .name("close " + pool.config().name())::start))
                        .toArray(CompletableFuture[]::new))
                .join(); // each may have to wait for its own server
    }
}
