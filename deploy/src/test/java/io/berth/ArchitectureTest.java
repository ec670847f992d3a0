package io.berth;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.equivalentTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import io.berth.nfs.NfsOptions;

/** The arrows between the modules. */
@AnalyzeClasses(packages = "io.berth", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    private static final String[] CORE = {
        "io.berth.fault..",
        "io.berth.linux..",
        "io.berth.mount..",
        "io.berth.program..",
        "io.berth.volume..",
        "io.berth.catalog..",
        "io.berth.format..",
        "io.berth.hostpath..",
        "io.berth.copy..",
        "io.berth.nfs..",
        "io.berth.pool..",
        "io.berth.service..",
        "io.berth.socket.."
    };

    @ArchTest
    static final ArchRule THE_CORE_KNOWS_ONLY_ITSELF = noClasses()
            .that()
            .resideInAnyPackage(CORE)
            .should()
            .dependOnClassesThat(resideInAnyPackage("io.berth..").and(not(resideInAnyPackage(CORE))));

    @ArchTest
    static final ArchRule CSI_KNOWS_ONLY_VALUES_OF_THE_CORE = noClasses()
            .that()
            .resideInAPackage("io.berth.csi..")
            .should()
            .dependOnClassesThat(resideInAnyPackage("io.berth..")
                    .and(not(resideInAnyPackage(
                            "io.berth.csi..",
                            "io.berth.fault..",
                            "io.berth.volume..",
                            "io.berth.mount..",
                            "io.berth.socket..")))
                    .and(not(equivalentTo(NfsOptions.class))));

    @ArchTest
    static final ArchRule DOORS_DO_NOT_KNOW_EACH_OTHER = noClasses()
            .that()
            .resideInAPackage("io.berth.controller..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.berth.node..");

    @ArchTest
    static final ArchRule NOR_THE_OTHER_WAY = noClasses()
            .that()
            .resideInAPackage("io.berth.node..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.berth.controller..");

    @ArchTest
    static final ArchRule DOCKER_KNOWS_ONLY_THE_CORE = noClasses()
            .that()
            .resideInAPackage("io.berth.docker..")
            .should()
            .dependOnClassesThat(resideInAnyPackage("io.berth..")
                    .and(not(resideInAnyPackage("io.berth.docker..")).and(not(resideInAnyPackage(CORE)))))
            .orShould()
            .dependOnClassesThat()
            .resideInAnyPackage("io.berth.catalog..", "io.berth.format..", "io.berth.copy..");

    @ArchTest
    static final ArchRule DOORS_HOLD_NO_STORAGE_LOGIC = noClasses()
            .that()
            .resideInAnyPackage("io.berth.controller..", "io.berth.node..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.berth.linux..", "io.berth.catalog..", "io.berth.format..", "java.io..");

    @ArchTest
    static final ArchRule METRICS_ARE_NOT_LOADED_BY_WHO_ONLY_TELLS_OF_CALLS = noClasses()
            .that()
            .resideOutsideOfPackages("io.berth.metrics..", "io.berth.driver..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.berth.metrics..", "io.prometheus..");

    @ArchTest
    static final ArchRule THE_PARTS_ARE_MADE_IN_ONE_PLACE = classes()
            .that()
            .haveSimpleNameEndingWith("Service")
            .and()
            .resideInAnyPackage("io.berth.controller..", "io.berth.node..")
            .should()
            .onlyBeAccessed()
            .byAnyPackage("io.berth.driver..", "io.berth.controller..", "io.berth.node..");
}
