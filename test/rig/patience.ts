/** By what deadlines are multiplied: a machine that is emulated in software is some twenty times slower. */
export const patience = Number(process.env.FAIRLEAD_TEST_PATIENCE ?? 1);
