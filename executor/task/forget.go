package task

import (
	"context"
	"errors"
	"io/fs"

	"github.com/freshetdb/freshet/broker/client"
)

// Forget removes everything a dropped query has kept: positions, changelog, dumps. The query must not be running.
func Forget(ctx context.Context, env Env, spec Spec) error {
	err := env.Client.DeleteTopic(ctx, spec.Changelog())
	if errors.Is(err, client.ErrUnknownTopic) {
		err = nil
	}
	err = errors.Join(err, env.Client.DeleteGroup(ctx, spec.Group()))
	rm := env.FS.RemoveAll(env.FS.PathJoin(env.Dir, spec.Group()))
	if errors.Is(rm, fs.ErrNotExist) {
		rm = nil
	}
	return errors.Join(err, rm)
}
