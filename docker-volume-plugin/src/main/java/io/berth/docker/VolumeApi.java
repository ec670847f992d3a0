package io.berth.docker;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.berth.fault.Fault;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Docker's VolumeDriver API as JSON: a call's path and body in, its answer out. Thread-safe. */
final class VolumeApi {
    private static final Logger LOG = LoggerFactory.getLogger(VolumeApi.class);
    private static final JsonMapper JSON = new JsonMapper();
    private static final String MOUNTPOINT = "Mountpoint";

    /** How many volumes make a list long: what is left of making it is megabytes. */
    private static final int LONG_LIST = 2000;

    /** The calls. */
    enum Call {
        ACTIVATE("/Plugin.Activate", true),
        CAPABILITIES("/VolumeDriver.Capabilities", true),
        LIST("/VolumeDriver.List", true),
        GET("/VolumeDriver.Get", true),
        PATH("/VolumeDriver.Path", true),
        CREATE("/VolumeDriver.Create", false),
        REMOVE("/VolumeDriver.Remove", false),
        MOUNT("/VolumeDriver.Mount", false),
        UNMOUNT("/VolumeDriver.Unmount", false);

        private final String path;
        private final boolean asks;

        Call(String path, boolean asks) {
            this.path = path;
            this.asks = asks;
        }

        /** The call of a path. */
        static Optional<Call> of(String path) {
            return Arrays.stream(values())
                    .filter(call -> call.path.equals(path))
                    .findFirst();
        }

        /** Whether it changes nothing and waits for nobody. */
        boolean asks() {
            return asks;
        }

        /** Whether it means something without a body. */
        private boolean needsNoBody() {
            return this == ACTIVATE || this == CAPABILITIES || this == LIST;
        }
    }

    /**
     * An answer of HTTP.
     *
     * @param body JSON; read-only, for several connections may be given one
     */
    record Answer(int status, ByteBuffer body) {
        /** An error that Docker shows with the method's name before it. */
        static Answer error(int status, String message) {
            return new Answer(status, text(JSON.createObjectNode().put("Err", message)));
        }
    }

    private final VolumeDriver driver;
    private final CallLog log;
    private final SharedAnswer<ByteBuffer> lists = new SharedAnswer<>(this::list);

    VolumeApi(VolumeDriver driver, CallLog log) {
        this.driver = driver;
        this.log = log;
    }

    /** Makes a call. What Docker asked for and cannot have is status 200 with an Err, which Docker shows as it is. */
    Answer call(Call call, byte[] body) {
        ApiRequest request;
        try {
            request = call.needsNoBody() ? new ApiRequest("", "", Map.of()) : ApiRequest.parse(body);
        } catch (Fault e) {
            return Answer.error(400, e.getMessage());
        }
        try (CallLog.Entry entry = log.begin(call.path.substring(1), request.name(), call.asks)) {
            try {
                return new Answer(200, answer(call, request));
            } catch (Fault e) {
                entry.failed(e.kind(), e.getMessage());
                return Answer.error(e.kind() == Fault.Kind.INTERNAL ? 500 : 200, e.getMessage());
            } catch (RuntimeException | Error e) {
                LOG.error("a defect of Berth", e);
                entry.failed(Fault.Kind.INTERNAL, e.toString());
                return Answer.error(500, "a defect of Berth, see its log");
            }
        }
    }

    private ByteBuffer answer(Call call, ApiRequest request) {
        return switch (call) {
            case ACTIVATE -> text(activate());
            case CAPABILITIES -> text(capabilities());
            case LIST -> lists.get();
            case GET -> text(get(request.name()));
            case PATH -> text(ok().put(MOUNTPOINT, text(driver.shown().path(request.name()))));
            case CREATE -> {
                driver.create(request.name(), request.options());
                yield text(ok());
            }
            case REMOVE -> {
                driver.remove(request.name());
                yield text(ok());
            }
            case MOUNT -> {
                Path mountpoint = driver.mounted().mount(request.name(), request.id());
                yield text(ok().put(MOUNTPOINT, mountpoint.toString()));
            }
            case UNMOUNT -> {
                driver.mounted().unmount(request.name(), request.id());
                yield text(ok());
            }
        };
    }

    private static ObjectNode ok() {
        return JSON.createObjectNode().put("Err", "");
    }

    private ObjectNode activate() {
        driver.mounted().activated();
        ObjectNode answer = JSON.createObjectNode();
        answer.putArray("Implements").add("VolumeDriver");
        return answer;
    }

    private ObjectNode capabilities() {
        ObjectNode answer = JSON.createObjectNode();
        answer.putObject("Capabilities").put("Scope", driver.isGlobal() ? "global" : "local");
        return answer;
    }

    /** Written as it is made, for all volumes are in it. */
    private ByteBuffer list() {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        boolean isLong;
        try (JsonGenerator json = JSON.createGenerator(text)) {
            json.writeStartObject();
            json.writeStringField("Err", "");
            json.writeArrayFieldStart("Volumes");
            List<ShownVolumes.Shown> all = driver.shown().all();
            isLong = all.size() > LONG_LIST;
            for (ShownVolumes.Shown shown : all) {
                json.writeTree(listed(shown));
            }
            json.writeEndArray();
            json.writeEndObject();
        } catch (IOException e) {
            throw unwritten(e);
        }
        if (isLong) {
            System.gc(); // else the heap grows to its limit, list by list, before anything is collected
        }
        return ByteBuffer.wrap(text.toByteArray()).asReadOnlyBuffer();
    }

    private ObjectNode get(String name) {
        ObjectNode answer = ok();
        answer.set("Volume", json(driver.shown().one(name)));
        return answer;
    }

    private static ObjectNode json(ShownVolumes.Shown shown) {
        ObjectNode json = listed(shown);
        ObjectNode status = json.putObject("Status");
        shown.status().forEach(status::putPOJO);
        return json;
    }

    /** Docker parses the time, and takes a volume whose time it cannot read for one that is gone. */
    private static ObjectNode listed(ShownVolumes.Shown shown) {
        return JSON.createObjectNode()
                .put("Name", shown.name())
                .put(MOUNTPOINT, text(shown.mountpoint()))
                .put(
                        "CreatedAt",
                        shown.created().truncatedTo(ChronoUnit.SECONDS).toString());
    }

    /** A path, or what Docker takes for none. */
    private static String text(Optional<Path> mountpoint) {
        return mountpoint.map(Path::toString).orElse("");
    }

    private static ByteBuffer text(ObjectNode json) {
        try {
            return ByteBuffer.wrap(JSON.writeValueAsBytes(json)).asReadOnlyBuffer();
        } catch (JsonProcessingException e) {
            throw unwritten(e);
        }
    }

    private static Fault unwritten(IOException why) {
        return new Fault(Fault.Kind.INTERNAL, "cannot write the answer: " + why.getMessage(), why);
    }
}
