"""Errors of signing in, tokens and second factors (100 to 115).

InvalidCredentials 100/404
InvalidToken 101/401, ExpiredToken 102/401, UserInactive 103/401, UserSuspended 103/404
ResetTokenInvalid 104/401, ResetTokenExpired 105/401
UserNotFound 106/404, EmailNotFound 107/404
SignInNeeded 108/401
RequestTokenInvalid 109/401, RequestTokenExpired 110/401
OtpMissing 111/404, OtpWrong 112/404, SecondFactorNeeded 113/401
CredentialsMalformed 114/422
SecondFactorOverSso 115/401
"""

from __future__ import annotations

from conductus.errors.api_error import ApiError


class InvalidCredentials(ApiError):
    code, status = 100, 404

    def __init__(self) -> None:
        super().__init__("Wrong e-mail address or password")


class InvalidToken(ApiError):
    code, status = 101, 401

    def __init__(self) -> None:
        super().__init__("The token is not valid")


class ExpiredToken(ApiError):
    code, status = 102, 401

    def __init__(self) -> None:
        super().__init__("The token has expired")


class UserInactive(ApiError):
    code, status = 103, 401

    def __init__(self) -> None:
        super().__init__("This user is not active")


class UserSuspended(ApiError):
    code, status = 103, 404

    def __init__(self) -> None:
        super().__init__("This user is suspended")


class ResetTokenInvalid(ApiError):
    code, status = 104, 401

    def __init__(self) -> None:
        super().__init__("This link for a new password is not valid: ask for another one")


class ResetTokenExpired(ApiError):
    code, status = 105, 401

    def __init__(self) -> None:
        super().__init__("This link for a new password has expired or was used: ask for another")


class UserNotFound(ApiError):
    code, status = 106, 404

    def __init__(self) -> None:
        super().__init__("There is no such user")


class EmailNotFound(ApiError):
    code, status = 107, 404

    def __init__(self) -> None:
        super().__init__("No user has an e-mail address that the provider has verified")


class SignInNeeded(ApiError):
    code, status = 108, 401

    def __init__(self) -> None:
        super().__init__("Sign in first")


class RequestTokenInvalid(ApiError):
    code, status = 109, 401

    def __init__(self) -> None:
        super().__init__("The request token is not valid or was used: sign in again")


class RequestTokenExpired(ApiError):
    code, status = 110, 401

    def __init__(self) -> None:
        super().__init__("The request token has expired: sign in again")


class OtpMissing(ApiError):
    code, status = 111, 404

    def __init__(self) -> None:
        super().__init__("A one-time password is needed: send it as `otp`")


class OtpWrong(ApiError):
    code, status = 112, 404

    def __init__(self) -> None:
        super().__init__("The one-time password is wrong or was used already")


class SecondFactorNeeded(ApiError):
    code, status = 113, 401

    def __init__(self) -> None:
        super().__init__("Your role asks for a second factor: set it up first")


class CredentialsMalformed(ApiError):
    code, status = 114, 422


class SecondFactorOverSso(ApiError):
    code, status = 115, 401

    def __init__(self) -> None:
        super().__init__("Who has a second factor signs in with a password")
