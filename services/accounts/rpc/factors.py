"""The second factor of sign-in."""

from typing import Any
from uuid import UUID

import grpc
from crm.accounts.v1 import second_factor_pb2
from crm.accounts.v1 import second_factor_service_pb2 as pb2
from crm.accounts.v1 import second_factor_service_pb2_grpc as pb2_grpc
from google.protobuf import empty_pb2

from chassis import db, errors
from chassis.rpc import rights, times
from services.accounts.messages import sessions as messages
from services.accounts.rpc import callers
from services.accounts.rpc.proofs import Proof, Proofs, wrong
from services.accounts.storage import factors as kept_factors
from services.accounts.usecases import attempts, factors, found, users
from services.accounts.usecases.factors import Factors
from services.accounts.usecases.post import Post

Context = grpc.aio.ServicerContext[Any, Any]


class SecondFactorServicer(pb2_grpc.SecondFactorServiceServicer):
    """Serves `SecondFactorService`."""

    def __init__(self, sessions: db.Sessions, proofs: Proofs, kept: Factors, post: Post) -> None:
        self._sessions = sessions
        self._proofs = proofs
        self._factors = kept
        self._post = post

    async def GetSecondFactor(
        self, request: pb2.GetSecondFactorRequest, context: Context
    ) -> second_factor_pb2.SecondFactor:
        """Says whether somebody has one; anybody may ask about oneself."""
        user_id = callers.own_id() if request.id in callers.ME else found.parsed(request.id, "user")
        if not callers.is_caller(user_id):
            rights.require("users", "write")
        async with self._sessions.begin() as session:
            await users.get(session, user_id)
            kept = await kept_factors.get(session, user_id)
            left = await kept_factors.count_codes(session, user_id)
        return messages.second_factor(user_id, kept, left)

    async def EnrollSecondFactor(
        self, request: pb2.EnrollSecondFactorRequest, context: Context
    ) -> pb2.EnrollSecondFactorResponse:
        """Begins with one."""
        user, attempt = await self._proofs.password(callers.own_id(), request.password)
        async with self._sessions.begin() as session:
            begun = await self._factors.begin(session, user)
            await attempts.take_back(session, attempt)
        return pb2.EnrollSecondFactorResponse(
            secret=begun.secret, uri=begun.uri, expire_time=times.out(begun.expire_time)
        )

    async def ConfirmSecondFactor(
        self, request: pb2.ConfirmSecondFactorRequest, context: Context
    ) -> pb2.RecoveryCodes:
        """Has sign-in ask for it from now on."""
        user_id, keep = callers.own_id(), callers.session_id(context)
        user, attempt = await self._proofs.counted(user_id)
        async with self._sessions.begin() as session:
            codes = await self._factors.confirm(
                session, self._post, user_id, request.code.strip(), keep
            )
            if codes is not None:
                await attempts.take_back(session, attempt)
        if codes is None:
            await self._proofs.refuse(user)
            raise wrong("code")
        return pb2.RecoveryCodes(codes=codes)

    async def RemoveSecondFactor(
        self, request: pb2.RemoveSecondFactorRequest, context: Context
    ) -> empty_pb2.Empty:
        """Has sign-in ask for no codes any more."""
        user_id, keep = callers.own_id(), callers.session_id(context)
        proof = await self._begun(user_id, request.password)
        async with self._sessions.begin() as session:
            matches = await self._factors.accept(session, user_id, request.code.strip())
            if matches:
                await factors.remove(session, self._post, user_id, keep)
                await attempts.take_back(session, proof[1])
        await self._right(proof, matches=matches)
        return empty_pb2.Empty()

    async def ReplaceRecoveryCodes(
        self, request: pb2.ReplaceRecoveryCodesRequest, context: Context
    ) -> pb2.RecoveryCodes:
        """Gives new recovery codes."""
        user_id = callers.own_id()
        proof = await self._begun(user_id, request.password)
        async with self._sessions.begin() as session:
            matches = await self._factors.accept(session, user_id, request.code.strip())
            codes = await factors.replace_codes(session, self._post, user_id) if matches else ()
            if matches:
                await attempts.take_back(session, proof[1])
        await self._right(proof, matches=matches)
        return pb2.RecoveryCodes(codes=codes)

    async def ResetSecondFactor(
        self, request: pb2.ResetSecondFactorRequest, context: Context
    ) -> empty_pb2.Empty:
        """Removes another user's; one's own takes password and code."""
        user_id = found.parsed(request.id, "user")
        if callers.is_caller(user_id):
            raise errors.InvalidArgument(
                "FIELDS_INVALID",
                "one's own is removed with password and code",
                violations=[errors.FieldViolation("id", "must be another user's")],
            )
        async with self._sessions.begin() as session:
            await users.covered(session, user_id)
            await factors.reset(session, self._post, user_id)
        return empty_pb2.Empty()

    async def _begun(self, user_id: UUID, password: str) -> Proof:
        async with self._sessions.begin() as session:
            await users.get(session, user_id)
            await factors.required(session, user_id)
        return await self._proofs.password(user_id, password)

    async def _right(self, proof: Proof, *, matches: bool) -> None:
        if not matches:
            await self._proofs.refuse(proof[0])
            raise wrong("code")
