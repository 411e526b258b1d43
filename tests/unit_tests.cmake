# One line a test, grouped by layer.

coxswain_test(metric cox_nn)
coxswain_test(spec cox_nn)

coxswain_test(base cox_base)
coxswain_test(base_file cox_base)
coxswain_test(base_params cox_base)
coxswain_test(base_pool cox_base)
coxswain_test(base_rng cox_base)
coxswain_test(base_state cox_base)
coxswain_test(net cox_nn)
coxswain_test(optim cox_nn)
coxswain_add_test(torch_reference unit 300 ${CMAKE_CURRENT_SOURCE_DIR}/test_torch.sh)
coxswain_test(trainer cox_nn)
coxswain_test(trainer_team cox_nn)
coxswain_test(space cox_hpo)
coxswain_test(linalg cox_hpo)
coxswain_test(gp cox_hpo)
coxswain_test(sampler cox_hpo)
target_sources(test_sampler PRIVATE histories.c)
coxswain_test(tpe cox_hpo)
coxswain_test(functions cox_run)
coxswain_test(functions_bbob cox_run)
coxswain_test(holdings cox_run)
coxswain_test(simulate cox_run)
coxswain_test(walltime cox_run)
coxswain_test(packer cox_run)
coxswain_test(preflight cox_run)

coxswain_test(pack cox_store)

# Random studies, shared by the tests of the journal, the study and what Optuna makes of it.
coxswain_test(journal cox_hpo)
target_sources(test_journal PRIVATE histories.c)
coxswain_test(journal_lock cox_hpo)
target_link_options(test_journal_lock PRIVATE -Wl,--wrap=rename)
coxswain_test(snapshot cox_hpo)
target_sources(test_snapshot PRIVATE histories.c)
coxswain_test(study cox_hpo)
target_sources(test_study PRIVATE histories.c)
coxswain_test(schedule cox_hpo)
add_executable(write_journal write_journal.c histories.c)
target_link_libraries(write_journal PRIVATE cox_hpo)
coxswain_add_test(optuna unit 300 ${CMAKE_CURRENT_SOURCE_DIR}/test_optuna.sh $<TARGET_FILE:write_journal>)
coxswain_test(evaluate_train cox_run)
coxswain_test(launcher cox_run)
coxswain_test(command cox_run)
coxswain_test(resources cox_run)

coxswain_test(settings cox_conf)
coxswain_test(settings_bad cox_conf)
coxswain_test(settings_table cox_conf)
add_executable(write_bad_settings write_bad_settings.c)
target_link_libraries(write_bad_settings PRIVATE cox_conf)
coxswain_script(bad_settings.sh input)
set_property(TEST bad_settings.sh APPEND PROPERTY ENVIRONMENT "WRITE_BAD_SETTINGS=$<TARGET_FILE:write_bad_settings>")

# Files for the tests of data, written with HDF5 itself.
coxswain_test(data cox_nn)
target_sources(test_data PRIVATE test_data_files.c)
coxswain_test(data_bad cox_nn)
target_sources(test_data_bad PRIVATE test_data_files.c)
coxswain_test(generate cox_nn)
target_sources(test_generate PRIVATE test_data_files.c)
coxswain_test(import cox_nn)
target_sources(test_import PRIVATE test_data_files.c)

# Not a test: training speed, for scripts/bench.sh.
add_executable(bench_train bench_train.c)
target_link_libraries(bench_train PRIVATE cox_nn)

# Not a test: long journals, for scripts/bench_journal.sh.
add_executable(grow_journal grow_journal.c)
target_link_libraries(grow_journal PRIVATE cox_run)

# Not a test: how well samplers and schedules search, and how fast, for scripts/bench_search.sh.
add_executable(bench_search bench_search.c search_loop.c objective.c objective_tables.c objective_made_up.c)
target_link_libraries(bench_search PRIVATE cox_run ZLIB::ZLIB)
