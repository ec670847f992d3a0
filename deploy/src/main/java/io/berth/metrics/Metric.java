package io.berth.metrics;

import java.util.List;
import java.util.Locale;

/** Every metric; the reference is made from here. */
public enum Metric {
    BUILD("berth_build_info", Type.GAUGE, "Always 1; which Berth this is.", "version"),
    CALLS(
            "berth_calls_total",
            Type.COUNTER,
            "Calls answered. The code is that of gRPC; for Docker it is OK or the kind of the error.",
            "service",
            "method",
            "code"),
    CALL_DURATION(
            "berth_call_duration_seconds",
            Type.HISTOGRAM,
            "How long calls took, those that failed too.",
            "service",
            "method"),
    MOUNTS(
            "berth_mounts",
            Type.GAUGE,
            "Mounts on this node that show a directory of a pool, or an image or a volume in memory of any driver of"
                    + " Berth; a volume that is staged and published counts twice.",
            "shows"),
    COPIES("berth_copies", Type.GAUGE, "Copies for snapshots and volumes that this process makes or is to make."),
    POOL_READY("berth_pool_ready", Type.GAUGE, "1 when the pool can be used, else 0.", "pool", "kind"),
    POOL_SIZE(
            "berth_pool_size_bytes",
            Type.GAUGE,
            "The pool's size: what is configured, else its file system's.",
            "pool"),
    POOL_PROMISED("berth_pool_promised_bytes", Type.GAUGE, "Promised to volumes, and taken by snapshots.", "pool"),
    POOL_AVAILABLE(
            "berth_pool_available_bytes",
            Type.GAUGE,
            "What one more volume could have: not promised yet, and never more than is free.",
            "pool"),
    POOL_USED(
            "berth_pool_file_system_used_bytes",
            Type.GAUGE,
            "Used of the file system that the pool lies on, by whomever.",
            "pool"),
    POOL_FREE_INODES(
            "berth_pool_file_system_free_inodes",
            Type.GAUGE,
            "How many more files that file system can hold; missing where it has no such limit.",
            "pool"),
    POOL_TRASH(
            "berth_pool_trash_entries",
            Type.GAUGE,
            "Things in the trash that are to be removed, of which at most 1000 are counted; back to 0 unless something"
                    + " cannot be removed.",
            "pool"),
    SERVER_UP(
            "berth_pool_server_up",
            Type.GAUGE,
            "1 when the NFS server of the pool answers, else 0, also while the pool could not be opened yet; whether the"
                    + " pool on it can be used, berth_pool_ready tells; missing for pools on this machine, and for servers that are not asked over TCP.",
            "pool"),
    SERVER_ANSWER(
            "berth_pool_server_answer_seconds",
            Type.GAUGE,
            "How long the NFS server of the pool takes to accept a connection and answer a call that does nothing;"
                    + " missing when it does not.",
            "pool"),
    REGISTERED(
            "berth_kubelet_registered",
            Type.GAUGE,
            "1 when the kubelet has registered the driver; missing without --register.");

    /** The kinds of metrics, in Prometheus' words. */
    public enum Type {
        COUNTER,
        GAUGE,
        HISTOGRAM;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private final String id;
    private final Type type;
    private final String meaning;

    @SuppressWarnings("ImmutableEnumChecker") // List.of made it
    private final List<String> labels;

    Metric(String id, Type type, String meaning, String... labels) {
        this.id = id;
        this.type = type;
        this.meaning = meaning;
        this.labels = List.of(labels);
    }

    /** Its name in Prometheus. */
    public String id() {
        return id;
    }

    public Type type() {
        return type;
    }

    /** One sentence for people, which is its HELP too. */
    public String meaning() {
        return meaning;
    }

    /** The names of its labels. Each has few values, whatever callers send. */
    public List<String> labels() {
        return labels;
    }
}
