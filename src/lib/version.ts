import packageFile from '../../package.json' with { type: 'json' };

/** Of Fairlead: `0.1.0`. */
export const version = packageFile.version;
