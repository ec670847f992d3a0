package io.berth;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import io.berth.pool.TreeSize;
import io.berth.program.Program;
import io.berth.service.DiskUsage;

/** The arrows between the packages of the core. */
@AnalyzeClasses(packages = "io.berth", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule PACKAGES_FORM_NO_CIRCLE =
            slices().matching("io.berth.(*)..").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule ARROWS_GO_ONE_WAY = layeredArchitecture()
            .consideringOnlyDependenciesInLayers()
            .layer("fault")
            .definedBy("io.berth.fault..")
            .layer("linux")
            .definedBy("io.berth.linux..")
            .layer("mount")
            .definedBy("io.berth.mount..")
            .layer("nfs")
            .definedBy("io.berth.nfs..")
            .layer("copy")
            .definedBy("io.berth.copy..")
            .layer("program")
            .definedBy("io.berth.program..")
            .layer("volume")
            .definedBy("io.berth.volume..")
            .layer("catalog")
            .definedBy("io.berth.catalog..")
            .layer("format")
            .definedBy("io.berth.format..")
            .layer("hostpath")
            .definedBy("io.berth.hostpath..")
            .layer("pool")
            .definedBy("io.berth.pool..")
            .layer("service")
            .definedBy("io.berth.service..")
            .whereLayer("service")
            .mayNotBeAccessedByAnyLayer()
            .whereLayer("pool")
            .mayOnlyBeAccessedByLayers("service")
            .whereLayer("hostpath")
            .mayOnlyBeAccessedByLayers("service")
            .whereLayer("catalog")
            .mayOnlyBeAccessedByLayers("pool", "service")
            .whereLayer("format")
            .mayOnlyBeAccessedByLayers("pool", "service")
            .whereLayer("volume")
            .mayOnlyBeAccessedByLayers("catalog", "format", "pool", "hostpath", "service")
            .whereLayer("copy")
            .mayOnlyBeAccessedByLayers("format", "pool", "service")
            .whereLayer("nfs")
            .mayOnlyBeAccessedByLayers("pool", "service")
            .whereLayer("program")
            .mayOnlyBeAccessedByLayers("format")
            .whereLayer("mount")
            .mayOnlyBeAccessedByLayers("nfs", "format", "pool", "hostpath", "service")
            .whereLayer("linux")
            .mayOnlyBeAccessedByLayers("mount", "nfs", "copy", "catalog", "format", "pool", "hostpath", "service");

    @ArchTest
    static final ArchRule THE_CORE_KNOWS_NO_DOOR = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.grpc..", "com.google.protobuf..", "org.eclipse.jetty..", "io.netty..", "picocli..");

    @ArchTest
    static final ArchRule ONLY_LINUX_CALLS_NATIVE_CODE = noClasses()
            .that()
            .resideOutsideOfPackage("io.berth.linux..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("jnr..");

    @ArchTest
    static final ArchRule ONE_CLASS_STARTS_PROCESSES = noClasses()
            .that()
            .areNotAssignableTo(Program.class)
            .should()
            .dependOnClassesThat()
            .belongToAnyOf(ProcessBuilder.class, Process.class);

    /** What a volume takes is asked of its quota or file system, but for a person who wants to wait. */
    @ArchTest
    static final ArchRule ONLY_DISK_USAGE_WALKS_TREES_TO_ADD_UP = noClasses()
            .that()
            .areNotAssignableTo(DiskUsage.class)
            .and()
            .areNotAssignableTo(TreeSize.class)
            .should()
            .dependOnClassesThat()
            .areAssignableTo(TreeSize.class);
}
