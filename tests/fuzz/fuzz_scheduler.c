/* What squeue, bjobs and qstat answer. */
#include <math.h>
#include <stdlib.h>

#include "fuzz.h"
#include "run/scheduler.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  static bool (*const readers[])(const char *, struct job_time *) = {slurm_read, lsf_read, pbs_read};
  char *text = fuzz_text(bytes, n);
  for (size_t i = 0; i < 3; i++) {
    struct job_time t = {(double)NAN, (double)NAN};
    if (readers[i](text, &t))
      FUZZ_REQUIRE(!isnan(t.left));
  }
  free(text);
  return 0;
}
