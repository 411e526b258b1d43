/* Shared by the data_hdf*.c files. */
#ifndef COXSWAIN_NN_DATA_HDF_PRIVATE_H
#define COXSWAIN_NN_DATA_HDF_PRIVATE_H

void hdf_quiet(void); /* HDF5 prints nothing by itself */
const char *hdf_reason(void);

#endif
