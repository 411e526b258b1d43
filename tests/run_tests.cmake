# One line a whole run. `alone`: the script keeps all cores busy, or kills ranks at moments that should be spread.
coxswain_script(run_alone.sh)
coxswain_script(run_mpi.sh alone)
coxswain_script(run_ordered.sh alone)
coxswain_script(run_killed.sh alone)
coxswain_script(install.sh)
coxswain_script(quickstart.py alone)
