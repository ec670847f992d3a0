package io.berth.volume;

import io.berth.fault.Fault;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A template of a volume's path: {@code subDir} as csi-driver-nfs users write it, {@code pathPattern} as users of
 * nfs-subdir-external-provisioner do. The values come from the metadata that external-provisioner adds with
 * {@code --extra-create-metadata}.
 */
public final class PathTemplate {
    /** The key of the claim's name in the parameters of a CreateVolume call. */
    public static final String PVC_NAME = "csi.storage.k8s.io/pvc/name";

    public static final String PVC_NAMESPACE = "csi.storage.k8s.io/pvc/namespace";
    public static final String PV_NAME = "csi.storage.k8s.io/pv/name";

    private static final Map<String, String> VARIABLES = Map.of(
            "pvc.metadata.name", PVC_NAME,
            "pvc.metadata.namespace", PVC_NAMESPACE,
            "pv.metadata.name", PV_NAME,
            ".PVC.name", PVC_NAME,
            ".PVC.namespace", PVC_NAMESPACE);
    private static final Pattern VARIABLE = Pattern.compile("\\$\\{([^}]*)}");
    private static final int MAX_LENGTH = 1024;

    private PathTemplate() {}

    /**
     * Fills in a template.
     *
     * @param field the parameter it came in, for messages
     * @throws Fault INVALID_ARGUMENT for an unknown variable, one whose value is missing or is not one plain path
     *     component, or a result that is no volume path
     */
    public static VolumePath expand(String field, String template, Map<String, String> metadata) {
        if (template.length() > MAX_LENGTH) {
            throw Fault.invalid(field, template, "a template has at most " + MAX_LENGTH + " characters");
        }
        Matcher matcher = VARIABLE.matcher(template);
        StringBuilder out = new StringBuilder();
        while (matcher.find()) {
            matcher.appendReplacement(
                    out, Matcher.quoteReplacement(value(field, template, matcher.group(1), metadata)));
        }
        matcher.appendTail(out);
        if (out.indexOf("${") >= 0) {
            throw Fault.invalid(field, template, "a ${ has no } after it");
        }
        return VolumePath.parse(out.toString());
    }

    private static String value(String field, String template, String variable, Map<String, String> metadata) {
        String key = VARIABLES.get(variable);
        if (key == null) {
            throw Fault.invalid(
                    field,
                    template,
                    "unknown variable " + Fault.quote(variable) + "; known are ${pvc.metadata.name}, "
                            + "${pvc.metadata.namespace}, ${pv.metadata.name}, ${.PVC.name} and ${.PVC.namespace}"
                            + " (labels and annotations of a claim are not told to a CSI driver)");
        }
        String value = metadata.get(key);
        if (value == null) {
            throw Fault.invalid(
                    field,
                    template,
                    "needs the parameter " + key + ", which external-provisioner adds with --extra-create-metadata");
        }
        VolumePath.problem(value).ifPresent(rule -> {
            throw Fault.invalid(key, value, rule);
        });
        return value;
    }
}
