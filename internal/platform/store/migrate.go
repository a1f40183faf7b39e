package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/hinoban/hinoban/internal/platform/errs"
)

// Migrate applies the migrations/*.sql files of one room, in name order, once
// each, and keeps their checksums. A file that changed after it was applied is
// refused (Conflict): history is only added to.
func (db *DB) Migrate(ctx context.Context, room string, files fs.FS) error {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return fmt.Errorf("list migrations of %s: %w", room, err)
	}
	return db.Write(ctx, func(tx Tx) error {
		for _, n := range names {
			if err := migrateOne(ctx, tx, room, files, n); err != nil {
				return fmt.Errorf("migrate %s/%s: %w", room, path.Base(n), err)
			}
		}
		return nil
	})
}

func migrateOne(ctx context.Context, tx Tx, room string, files fs.FS, file string) error {
	text, err := fs.ReadFile(files, file)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	want, have := hex.EncodeToString(sum[:]), ""
	err = tx.QueryRowContext(ctx, `SELECT checksum FROM schema_migrations WHERE room = $1 AND name = $2`, room, path.Base(file)).Scan(&have)
	switch {
	case err == nil && have == want:
		return nil
	case err == nil:
		return errs.New(errs.Conflict, "applied with checksum %.12s, but the file has %.12s: put the old file back and add a new one", have, want)
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	if _, err := tx.ExecContext(ctx, string(text)); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO schema_migrations (room, name, checksum) VALUES ($1, $2, $3)`, room, path.Base(file), want)
	return err
}
