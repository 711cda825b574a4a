package handler

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/auth"
	"github.com/freshetdb/freshet/broker/wire"
)

// saslAuthenticate takes a message of the mechanism the handshake chose. A failure is told in words that don't say what was wrong.
func (h *Handler) saslAuthenticate(ctx context.Context, req *wire.Request) {
	in := req.Body.(*kmsg.SASLAuthenticateRequest)
	resp := kmsg.NewPtrSASLAuthenticateResponse()
	resp.SASLAuthBytes = []byte{}
	answer, lifetime, err := req.Conn.Authenticate(in.SASLAuthBytes)
	switch {
	case err == nil:
		resp.SASLAuthBytes, resp.SessionLifetimeMillis = answer, lifetime.Milliseconds()
		req.Reply(resp)
	case errors.Is(err, auth.ErrIllegalState):
		resp.ErrorCode = kerr.IllegalSaslState.Code
		resp.ErrorMessage = new("SaslAuthenticate without a SaslHandshake before it")
		req.Reply(resp)
	default:
		resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
		resp.ErrorMessage = new("Authentication failed")
		if failed, ok := errors.AsType[*auth.FailedError](err); ok {
			resp.ErrorMessage = &failed.Text
		}
		req.ReplyAndClose(ctx, resp, err)
	}
}
