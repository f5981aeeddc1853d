import type { ExpectedFailures } from './compare.ts';
import { withoutPrograms } from './without-programs.ts';

export const expectedFailures: readonly ExpectedFailures[] = [
  {
    reason: 'there is no swarm to initialise: a KV store joins hosts (docs/compatibility.md)',
    tests: [
      'api_network_test::TestNetworks::test_create_inspect_network_with_scope',
      'api_network_test::TestNetworks::test_create_network_attachable',
      'api_network_test::TestNetworks::test_create_network_ingress',
    ],
  },
  {
    reason: "a container's files are its host's, so none are copied, compared or committed",
    tests: [
      'api_container_test::ArchiveTest::test_copy_directory_to_container',
      'api_container_test::ArchiveTest::test_copy_file_to_container',
      'api_container_test::ArchiveTest::test_get_file_archive_from_container',
      'api_container_test::ArchiveTest::test_get_file_stat_from_container',
      'api_container_test::DiffTest::test_diff',
      'api_container_test::DiffTest::test_diff_with_dict_instead_of_id',
      'models_containers_test::ContainerTest::test_commit',
      'models_containers_test::ContainerTest::test_diff',
    ],
  },
  {
    reason: 'a removed container frees no space',
    tests: ['api_container_test::PruneTest::test_prune_containers'],
  },
  {
    reason: 'an image is only a name, so each exists',
    tests: ['models_containers_test::ContainerCollectionTest::test_run_with_image_that_does_not_exist'],
  },
  {
    reason: 'pause and stats need control groups, which Fairlead keeps none of',
    tests: [
      'api_container_test::PauseTest::test_pause_unpause',
      'api_container_test::GetContainerStatsTest::test_get_container_stats_no_stream',
      'models_containers_test::ContainerTest::test_pause',
      'models_containers_test::ContainerTest::test_stats',
    ],
  },
  {
    reason: 'resources are not limited, so an update changes no limit and warns',
    tests: [
      'api_container_test::ContainerUpdateTest::test_update_container',
      'models_containers_test::ContainerTest::test_update',
    ],
  },
  {
    reason: "docker-py's own WebSocket client takes no unix socket",
    tests: ['api_container_test::AttachContainerTest::test_run_container_reading_socket_ws'],
  },
  {
    reason:
      'refused by name where containers are processes, and kept where they are records (docs/security.md)',
    mode: 'sandbox',
    tests: [
      'api_container_test::CreateContainerTest::test_create_with_device_cgroup_rules',
      'api_container_test::CreateContainerTest::test_create_with_host_pid_mode',
      'api_container_test::VolumeBindTest::test_create_with_binds_rw_rshared',
      'api_container_test::VolumeBindTest::test_create_with_subpath_volume_mount',
      'models_containers_test::ContainerTest::test_create_with_volume_driver',
    ],
  },
  {
    reason: 'a simulated container runs no program, so nothing is printed, written or ended',
    mode: 'simulated',
    tests: withoutPrograms,
  },
];
