/** The place that BACKUP_TARGET names: a folder, or `s3://bucket/prefix`. */
import { isAbsolute, join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { fail } from '../kernel/fail.ts';
import { folderPlace } from './folder-place.ts';
import type { Place } from './place.ts';
import { bucketPlace } from './s3-place.ts';

/** @throws AppError conflict when it is neither, or keys are missing */
export function openPlace(config: Config, target: string | undefined = config.backupTarget): Place {
  if (target === undefined) return folderPlace(join(config.workspacePath, 'backups'));
  if (isAbsolute(target)) return folderPlace(target);
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,62})(?:\/([A-Za-z0-9_][A-Za-z0-9_./-]*?))?\/*$/.exec(target);
  const [, bucket = '', prefix = ''] = match ?? fail('conflict', `BACKUP_TARGET "${target}" is neither an absolute folder nor s3://bucket/prefix.`);
  const { backupS3AccessKeyId: accessKeyId, backupS3SecretAccessKey: secretAccessKey } = config;
  if (accessKeyId === undefined || secretAccessKey === undefined)
    fail('conflict', `BACKUP_TARGET names the bucket ${bucket}: set BACKUP_S3_ACCESS_KEY_ID and BACKUP_S3_SECRET_ACCESS_KEY too.`);
  return bucketPlace({ bucket, prefix, endpoint: config.backupS3Endpoint, region: config.backupS3Region, accessKeyId, secretAccessKey });
}
